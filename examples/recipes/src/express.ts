/** Express in front of the queue. `queueOf` gives each task a key for its URL; `serve` listens, and drains on SIGTERM. */
import { createServer } from 'node:http';
import { channel, startRuntime, type Task } from 'async-tasks';
import { queueOf, serve, toJson } from 'async-tasks/http';
import express, { type ErrorRequestHandler } from 'express';
import { tasks } from './tasks.js';

await serve(async () => {
  const [tx, rx] = channel<Task>(32);
  const runtime = await startRuntime(rx, { tasks: new URL('./tasks.js', import.meta.url) });
  const queue = queueOf(tx, runtime);
  const app = express();

  app.post('/count_words', express.text({ type: '*/*', limit: 20_000 }), async (request, response) => {
    const gone = new AbortController(); // a client that goes away while it waits for room queues nothing
    response.once('close', () => gone.abort());
    const task = tasks.countWords(request.body ?? '');
    const { key } = await queue.enqueue(task, { timeout: 1000, signal: gone.signal });
    response.status(202).location(`/tasks/${key}`).send('task started');
  });

  app.get('/tasks/:key', async (request, response) => {
    const record = await queue.read(request.params.key);
    if (record === undefined) response.sendStatus(404);
    else response.json(toJson({ state: record.state, outcome: record.outcome }));
  });

  app.use(((error, _request, response, next) => {
    const busy = error.code === 'ERR_SEND_TIMEOUT' || error.code === 'ERR_CHANNEL_CLOSED';
    if (busy) response.set('retry-after', '1').sendStatus(503);
    else next(error);
  }) satisfies ErrorRequestHandler);

  return { queue, server: createServer(app) };
});
