/** The server: the core's routes on this queue, any number of them on one Redis. */
process.setSourceMapsEnabled(true);
const { basePathFrom, createApp, MAX_TASK_BYTES, serve, TASKS } = await import('./core.js');
const { countFrom, placeFrom } = await import('./environment.js');

await serve(async () => {
  const { env } = process;
  const { redis: url, queue: name } = placeFrom(env);
  const basePath = basePathFrom(env);
  const capacity = countFrom(env, 'CAPACITY', 32, 1_000_000);
  const history = countFrom(env, 'HISTORY', 10_000, 10_000_000);
  const { connect, HASTY } = await import('./redis.js');
  const { Engine } = await import('./queue.js');
  const { tasks } = await import(TASKS.href);
  const redis = await connect(url, HASTY);
  const queue = await Engine.open(redis, { name, tasks, capacity, history, maxBytes: MAX_TASK_BYTES });
  return { queue, server: createApp({ queue, basePath }) };
});
