/** Fastify in front of the queue. `queueOf` gives each task a key for its URL; `serve` listens, and drains on SIGTERM. */
import { channel, startRuntime, type Task } from 'async-tasks';
import { queueOf, serve, toJson } from 'async-tasks/http';
import { type FastifyError, fastify } from 'fastify';
import { tasks } from './tasks.js';

await serve(async () => {
  const [tx, rx] = channel<Task>(32);
  const runtime = await startRuntime(rx, { tasks: new URL('./tasks.js', import.meta.url) });
  const queue = queueOf(tx, runtime);
  const app = fastify({ bodyLimit: 20_000 });

  app.post<{ Body: string }>('/count_words', async (request, reply) => {
    const task = tasks.countWords(request.body);
    // The signal: a client that goes away while it waits for room queues nothing.
    const { key } = await queue.enqueue(task, { timeout: 1000, signal: request.signal });
    return reply.code(202).header('location', `/tasks/${key}`).send('task started');
  });

  app.get<{ Params: { key: string } }>('/tasks/:key', async (request, reply) => {
    const record = await queue.read(request.params.key);
    if (record === undefined) return reply.code(404).send();
    return toJson({ state: record.state, outcome: record.outcome });
  });

  app.setErrorHandler((error: FastifyError, _request, reply) => {
    const busy = error.code === 'ERR_SEND_TIMEOUT' || error.code === 'ERR_CHANNEL_CLOSED';
    return busy ? reply.code(503).header('retry-after', '1').send() : reply.send(error);
  });

  await app.ready();
  return { queue, server: app.server };
});
