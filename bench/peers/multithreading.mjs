/**
 * multithreading: its channel, from threads that send and block to one that receives. That one awaits, which is faster
 * here than blocking.
 */
import { end, finish, readSetup } from './contract.mjs';

if (Number.parseInt(process.versions.node, 10) < 24) end({ skipped: 'needs Node 24' });
else await main();

async function main() {
  const { Barrier, channel, initRuntime, move, spawn } = await import('multithreading');
  const setup = readSetup();
  const { count, producers, capacity, captured } = setup;
  const gate = new Barrier(producers + 1);
  // its buffer does not grow, and half of it has to be enough for all that waits
  const size = Math.max(2 ** 16, 2 * capacity * (JSON.stringify(captured).length + 64));
  const [tx, rx] = channel(capacity, { size });
  initRuntime({ maxWorkers: producers + 1 });
  const threads = [spawn(move(rx, gate, count, producers), consume)];
  for (let p = 0; p < producers; p++) threads.push(spawn(move(tx.clone(), gate, count, captured), produce));
  const [{ ms, sum }] = await Promise.all(threads.map(join));
  finish(setup, ms, sum);
}

async function join(thread) {
  const result = await thread.join();
  if (!result.ok) throw result.error;
  return result.value;
}

/** Is sent to its thread as source, like {@link produce}. */
async function consume(rx, gate, count, producers) {
  const { sizeOf } = await import('./contract.mjs');
  const take = async (tasks) => {
    let sum = 0;
    for (let left = tasks; left > 0; left--) {
      const result = await rx.recv();
      if (!result.ok) throw result.error;
      sum += sizeOf(result.value);
    }
    return sum;
  };
  await take(Math.ceil(count / 4) * producers); // the code is compiled meanwhile
  gate.blockingWait();
  const begin = performance.now();
  const sum = await take(count * producers);
  return { ms: performance.now() - begin, sum };
}

function produce(tx, gate, count, captured) {
  const send = (tasks) => {
    for (let left = tasks; left > 0; left--) {
      const result = tx.blockingSend(captured);
      if (!result.ok) throw result.error;
    }
  };
  send(Math.ceil(count / 4));
  gate.blockingWait();
  send(count);
}
