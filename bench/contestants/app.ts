/**
 * The example's application, less what it prints for each request and the three seconds of its tasks: only the way of a
 * request is left. The worker thread finds its tasks here, under the names that the example's have.
 */
import { isMainThread } from 'node:worker_threads';
import { createApp } from '#app';
import { queueOf } from '#http';
import { asyncTask, channel, defineTasks, startRuntime, syncTask, type Task } from '#index';

export const tasks = defineTasks({
  syncTask: syncTask((_: string) => {}),
  asyncTask: asyncTask(async (_: string) => {}),
  countWords: syncTask((_: string) => {}),
});

if (isMainThread) {
  const [tx, rx] = channel<Task>(32);
  const runtime = await startRuntime(rx, { tasks: new URL(import.meta.url), log: false });
  const app = createApp({ queue: queueOf(tx, runtime) });
  app.listen(0, '127.0.0.1', () => {
    const address = app.address();
    if (typeof address === 'object') console.log(`listening on http://127.0.0.1:${address?.port}`);
    console.log = () => {};
  });
}
