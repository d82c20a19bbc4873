/** A result awaited in a request: 200 with the task and its result if it ends within two seconds, else 202 with its URL. */
import { setTimeout as sleep } from 'node:timers/promises';
import { channel, startRuntime, type Task } from 'async-tasks';
import * as http from 'async-tasks/http';
import { tasks } from './tasks.js';

const PATIENCE_MS = 2000;

type Resource = http.TaskResource;

function routesOf(queue: http.Queue): http.Routes<Resource> {
  async function run(exchange: http.Exchange, resource: Resource, task: Task): Promise<http.Answer> {
    const { key, answer } = await resource.accept(exchange, task);
    const record = await Promise.race([queue.ended(key), sleep(PATIENCE_MS, undefined, { ref: false })]);
    return record === undefined ? answer : resource.show(key);
  }
  return {
    '/count_words': {
      POST: async (exchange, app) =>
        run(exchange, app, tasks.countWords(await http.readText(exchange, 20_000))),
    },
    '/wait/*': { POST: (exchange, app) => run(exchange, app, tasks.wait(Number(exchange.rest))) },
    ...http.taskRoutes,
  };
}

await http.serve(async () => {
  const [tx, rx] = channel<Task>(32);
  const runtime = await startRuntime(rx, { tasks: new URL('./tasks.js', import.meta.url) });
  const queue = http.queueOf(tx, runtime);
  return { queue, server: http.createHttpServer(routesOf(queue), new http.TaskResource(queue)) };
});
