/** multithreading: its channel, from a thread that sends and blocks to one that awaits, which is faster than blocking. */
import { PAYLOADS, print, readSetup } from '../../build/bench/contestants/contract.js';

if (Number.parseInt(process.versions.node, 10) < 24) print({ skipped: 1 });
const { Barrier, channel, initRuntime, move, spawn } = await import('multithreading');
const { count, capacity, payload } = readSetup();
const [tx, rx] = channel(capacity, { size: 2 ** 16 });
const gate = new Barrier(2);
initRuntime({ maxWorkers: 2 });
const consumer = spawn(move(rx, gate, count), consume);
const producer = spawn(move(tx, gate, count, PAYLOADS[payload]), produce);
const [{ value: ms, error }] = await Promise.all([consumer.join(), producer.join()]);
if (error !== undefined) throw error;
print({ perSecond: (count / ms) * 1000 });

/** Is sent to its thread as source, like {@link produce}. A quarter more tasks come first: the code is compiled then. */
async function consume(rx, gate, count) {
  for (let left = count / 4; left > 0; left--) await rx.recv();
  gate.blockingWait();
  const begin = performance.now();
  for (let left = count; left > 0; left--) await rx.recv();
  return performance.now() - begin;
}

function produce(tx, gate, count, captured) {
  for (let left = count / 4; left > 0; left--) tx.blockingSend(captured);
  gate.blockingWait();
  for (let left = count; left > 0; left--) tx.blockingSend(captured);
}
