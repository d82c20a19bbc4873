/** The tasks of the application that the tests of `src/http` ask. Each can be started by a text: `POST /run/NAME/TEXT`. */
import { spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { asyncTask, currentTask, defineTasks, syncTask } from '#index';

const never = new Int32Array(new SharedArrayBuffer(4));

/** Blocks the thread until it is asked to stop. */
function hold(): void {
  const context = currentTask();
  while (!context.cancelled) Atomics.wait(never, 0, 0, 1);
}

/** Waits until it is asked to stop. */
async function wait(): Promise<void> {
  const { signal } = currentTask();
  const alive = setInterval(() => {}, 1000);
  if (!signal.aborted) await once(signal, 'abort');
  clearInterval(alive);
}

export const tasks = defineTasks({
  hold: syncTask(hold),
  wait: asyncTask(wait),
  /** Blocks the thread for so many ms, or for good, whoever asks it to stop. */
  endure: syncTask((ms: string) => void Atomics.wait(never, 0, 0, ms === '' ? Infinity : Number(ms))),
  measure: syncTask((text: string) => ({ units: text.length, bytes: Buffer.byteLength(text) }), {
    timeout: 60_000,
  }),
  /** Ends its thread once it has succeeded. */
  die: syncTask(() => {
    const exit: (code: number) => void = process.exit;
    setImmediate(exit, 1);
  }),
  give: syncTask((value: string) => value),
  say: syncTask((text: string) => console.log(`said ${text}`)),
  /** Throws an error, or a text, in which stacks stand. */
  fail: syncTask((how: string) => {
    const error = new Error('outer', { cause: { text: new Error('inner').stack } });
    throw how === 'text' ? error.stack : error;
  }),
  /** The thread is in a system call all the while, and cannot be ended. */
  sleep: syncTask((seconds: string) => void spawnSync('sleep', [seconds])),
});
