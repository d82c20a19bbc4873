/** The queue between threads keeps what the interface `Queue` promises. */
import * as http from '#http';
import { channel, startRuntime, type Task } from '#index';
import { conformance } from './conformance/suite.js';
import { tasks } from './conformance/tasks.js';

conformance('The queue between threads', http, async (t, capacity) => {
  t.mock.method(console, 'error', () => {}); // failed tasks, ended threads
  const [tx, rx] = channel<Task>(capacity);
  const module = new URL('./conformance/tasks.js', import.meta.url);
  const runtime = await startRuntime(rx, { tasks: module, log: false });
  t.after(() => runtime.close());
  return { queue: http.queueOf(tx, runtime), tasks };
});
