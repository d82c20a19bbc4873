/**
 * Metrics of the process, by prom-client: memory, processor time, delay of the event loop, garbage collection. The tasks'
 * own are those of the admin page's `/metrics`; a program without that page counts what it wants of `stats()`.
 */
import { channel, startRuntime, type Task } from 'async-tasks';
import {
  createHttpServer,
  queueOf,
  type Routes,
  serve,
  TaskResource,
  taskRoutes,
  text,
} from 'async-tasks/http';
import { collectDefaultMetrics, Gauge, register } from 'prom-client';

const routes: Routes<TaskResource> = {
  '/metrics': {
    GET: async () => text(200, await register.metrics(), { 'content-type': register.contentType }),
  },
  ...taskRoutes,
};

await serve(async () => {
  const [tx, rx] = channel<Task>(32);
  const runtime = await startRuntime(rx, { tasks: new URL('./tasks.js', import.meta.url) });
  collectDefaultMetrics();
  new Gauge({
    name: 'async_tasks_queue_depth',
    help: 'Tasks in the queue.',
    collect() {
      this.set(runtime.stats().queued);
    },
  });
  const queue = queueOf(tx, runtime);
  return { queue, server: createHttpServer(routes, new TaskResource(queue)) };
});
