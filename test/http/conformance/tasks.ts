/** The tasks of the conformance suite. They may run in another process than the tests. */
import { once } from 'node:events';
import { asyncTask, currentTask, defineTasks, syncTask } from '#index';

/** A word that nobody changes, to wait on. */
export const never = new Int32Array(new SharedArrayBuffer(4));

/** Blocks the thread until it is asked to stop. */
export function hold(): void {
  const { throwIfCancelled } = currentTask();
  for (;;) {
    throwIfCancelled();
    Atomics.wait(never, 0, 0, 1);
  }
}

/** Waits until it is asked to stop, and reports that it has come to the middle. */
export async function wait(): Promise<void> {
  const { signal, progress } = currentTask();
  progress(0.5);
  const alive = setInterval(() => {}, 1000);
  if (!signal.aborted) await once(signal, 'abort');
  clearInterval(alive);
  signal.throwIfAborted();
}

/** Goes on when it is asked to stop, and succeeds. */
function insist(): string {
  const context = currentTask();
  while (!context.cancelled) Atomics.wait(never, 0, 0, 1);
  return 'done all the same';
}

export const tasks = defineTasks({
  hold: syncTask(hold),
  wait: asyncTask(wait),
  insist: syncTask(insist),
  echo: syncTask((value: unknown) => value),
  fail: syncTask((message: string) => {
    throw Object.assign(new RangeError(message, { cause: new TypeError('the cause') }), { code: 'E_FAIL' });
  }),
  exit: syncTask((code: number): void => process.exit(code)),
  late: asyncTask(async () => void (await new Promise(() => {})), { timeout: 50 }),
  stuck: syncTask(() => void Atomics.wait(never, 0, 0), { timeout: 50 }),
  large: syncTask((length: number) => 'x'.repeat(length)),
});
