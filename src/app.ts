/**
 * The HTTP application: its routes, and nothing else. `createApp` makes it; listening is up to the caller.
 *
 * An endpoint builds a task, waits until it is in the queue, and answers 202 with the task's URL. It never waits for the
 * task itself.
 */
import type { Server } from 'node:http';
import {
  type Answer,
  createHttpServer,
  type Exchange,
  type Queue,
  type Routes,
  readText,
  TaskResource,
  taskRoutes,
  text,
} from './http/index.js';
import type { Task } from './task/index.js';
import { tasks } from './tasks.js';

/** The largest text whose words are counted, in bytes. */
const MAX_TEXT = 64 * 1024;
/** What the channel must carry: that text at two bytes a character, and the task around it. */
export const MAX_TASK_BYTES: number = 2 * MAX_TEXT + 1024;

const routes: Routes<TaskResource> = {
  '/': { GET: () => text(200, 'Hello, world!') },
  '/start_sync_task': { GET: startSyncTask, POST: startSyncTask, safe: false },
  '/start_async_task': { GET: startAsyncTask, POST: startAsyncTask, safe: false },
  '/count_words': { POST: countWords },
  ...taskRoutes, // /tasks/ID, /healthz, /readyz
};

function startSyncTask(exchange: Exchange, resource: TaskResource): Promise<Answer> {
  return start(exchange, resource, tasks.syncTask('foo'));
}

function startAsyncTask(exchange: Exchange, resource: TaskResource): Promise<Answer> {
  return start(exchange, resource, tasks.asyncTask('foo'));
}

async function countWords(exchange: Exchange, resource: TaskResource): Promise<Answer> {
  return start(exchange, resource, tasks.countWords(await readText(exchange, MAX_TEXT)));
}

async function start(exchange: Exchange, resource: TaskResource, task: Task): Promise<Answer> {
  const { answer, record } = await resource.accept(exchange, task);
  console.log(`task sent, id ${record.id}`);
  return answer;
}

/** Makes the application. Call `listen` on what it returns. `basePath`: as `basePathFrom` returns it. */
export function createApp({ queue, basePath }: { queue: Queue; basePath?: string }): Server {
  return createHttpServer(routes, new TaskResource(queue, basePath));
}
