/** The entry point: the queue, the runtime and the application, wired. */
import type { Task } from './index.js';

process.setSourceMapsEnabled(true); // before the modules are loaded, so that the stacks of their errors show .ts lines
const { basePathFrom, queueOf, serve } = await import('./http/index.js');

await serve(async () => {
  const { startAdmin } = await import('./admin/index.js');
  const { createApp, MAX_TASK_BYTES } = await import('./app.js');
  const { channel, startRuntime } = await import('./index.js');
  const basePath = basePathFrom(process.env);
  const [tx, rx] = channel<Task>(32, { maxBytes: MAX_TASK_BYTES });
  const runtime = await startRuntime(rx, { tasks: new URL('./tasks.js', import.meta.url) });
  const queue = queueOf(tx, runtime);
  const also = await startAdmin({ runtime }, process.env);
  return { queue, also, server: createApp({ queue, basePath }) };
});
