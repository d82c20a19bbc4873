/** A channel and a runtime for one test. */
import type { TestContext } from 'node:test';
import { channel, type Runtime, type Sender, startRuntime, type Task } from 'async-tasks';

export async function start(t: TestContext): Promise<{ tx: Sender<Task>; runtime: Runtime }> {
  const [tx, rx] = channel<Task>(32);
  const runtime = await startRuntime(rx, { tasks: new URL('../src/tasks.js', import.meta.url), log: false });
  t.after(() => runtime.close());
  return { tx, runtime };
}
