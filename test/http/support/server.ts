/** A server under test, as a process: it starts, prints and ends by the code of `src/server.ts`, with tasks of its own. */
import { createHttpServer, type Exchange, queueOf, serve, TaskResource, taskRoutes, text } from '#http';
import { channel, startRuntime, type Task } from '#index';
import { tasks } from './server-tasks.js';

const makers: Readonly<Record<string, (n: number) => Task>> = tasks;

/** `POST /start/TASK/NUMBER` queues a task once the whole body has come, and answers with its id. */
async function start({ rest, request, ...exchange }: Exchange, resource: TaskResource) {
  for await (const _chunk of request);
  const [name = '', number] = rest.split('/');
  const task = makers[name]?.(Number(number));
  if (task === undefined) return text(404, name);
  const { record, answer } = await resource.accept({ rest, request, ...exchange }, task);
  return { ...answer, body: `${record.id}` };
}

await serve(async () => {
  const [tx, rx] = channel<Task>(32);
  const module = new URL(process.env['TASKS'] ?? './server-tasks.js', import.meta.url);
  const runtime = await startRuntime(rx, { tasks: module });
  const queue = queueOf(tx, runtime);
  const routes = { '/': { GET: () => text(200, 'hello') }, '/start/*': { POST: start }, ...taskRoutes };
  return { server: createHttpServer(routes, new TaskResource(queue)), queue };
});
