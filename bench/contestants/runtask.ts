/** This project's whole path: `runTask` with task ids and ledger, the executor, the runtime. */
import { channel, runTask, startRuntime, type Task } from '#index';
import { finish, PAYLOADS, readSetup } from './contract.js';
import { tasks } from './tasks.js';

const setup = readSetup();
if (setup.producers !== 1) throw new Error('Expected one producer');
const [tx, rx] = channel<Task>(setup.capacity);
await startRuntime(rx, { tasks: new URL('./tasks.js', import.meta.url), log: false });
const captured = PAYLOADS[setup.payload];
const begin = performance.now();
for (let left = setup.count; left > 0; left--) await runTask(tasks.add(captured), tx);
const total = await runTask(tasks.total(), tx);
const sum = await total.finished();
finish(setup, performance.now() - begin, sum);
