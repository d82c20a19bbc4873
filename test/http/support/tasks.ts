/** The tasks of the application that the tests of `src/http` ask. None takes longer than a test lets it. */
import { once } from 'node:events';
import { asyncTask, currentTask, defineTasks, syncTask } from '#index';

/** Blocks the thread until it is asked to stop. */
function hold(): void {
  const context = currentTask();
  const never = new Int32Array(new SharedArrayBuffer(4));
  while (!context.cancelled) Atomics.wait(never, 0, 0, 1);
}

/** Blocks the thread for good, whoever asks it to stop. */
function endure(): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0);
}

/** Waits until it is asked to stop. */
async function wait(): Promise<void> {
  const { signal } = currentTask();
  const alive = setInterval(() => {}, 1000);
  if (!signal.aborted) await once(signal, 'abort');
  clearInterval(alive);
}

const ERRORS: Readonly<Record<string, () => unknown>> = {
  plain: () => Object.assign(new Error('plain'), { code: 'E_PLAIN', note: new Error('noted').stack }),
  cause: () => new Error('outer', { cause: new Error('inner', { cause: new Error('innermost').stack }) }),
  aggregate: () => new AggregateError([new Error('one'), new Error('two').stack], 'both'),
  message: () => new Error(new Error('said before').stack),
  text: () => new Error('thrown as text').stack,
  object: () => ({ message: 'like an error', stack: new Error('hidden').stack }),
};

export const tasks = defineTasks({
  hold: syncTask(hold),
  endure: syncTask(endure),
  wait: asyncTask(wait),
  measure: syncTask((text: string) => ({ units: text.length, bytes: Buffer.byteLength(text) }), {
    timeout: 60_000,
  }),
  /** Ends its thread once it has succeeded. */
  die: syncTask(() => {
    const exit: (code: number) => void = process.exit;
    setImmediate(exit, 1);
  }),
  give: syncTask((value: unknown) => value),
  fail: syncTask((name: string) => {
    throw ERRORS[name]?.();
  }),
});
