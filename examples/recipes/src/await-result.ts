/** A result awaited in a request: 200 with the task and its result if it ends within two seconds, else 202 with its URL. */
import { channel, startRuntime, type Task } from 'async-tasks';
import {
  createHttpServer,
  maxTaskBytes,
  queueOf,
  type Routes,
  readText,
  serve,
  TaskResource,
  taskRoutes,
} from 'async-tasks/http';
import { tasks } from './tasks.js';

const PATIENCE_MS = 2000;

const routes: Routes<TaskResource> = {
  '/count_words': {
    POST: async (exchange, resource) =>
      resource.answerWithin(exchange, tasks.countWords(await readText(exchange)), PATIENCE_MS),
    maxBody: 64 * 1024,
  },
  '/wait/*': {
    POST: (exchange, resource) =>
      resource.answerWithin(exchange, tasks.wait(Number(exchange.rest)), PATIENCE_MS),
  },
  ...taskRoutes,
};

await serve(async () => {
  const [tx, rx] = channel<Task>(32, { maxBytes: maxTaskBytes(routes) });
  const runtime = await startRuntime(rx, { tasks: new URL('./tasks.js', import.meta.url) });
  const queue = queueOf(tx, runtime);
  return { queue, server: createHttpServer(routes, new TaskResource(queue)) };
});
