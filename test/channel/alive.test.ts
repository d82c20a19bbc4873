/** A thread stays alive as long as the channel wants it, and no longer. This file is also the program that is run. */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { Worker } from 'node:worker_threads';
import { channel } from '#channel';
import { test } from './ends.js';

const [tx, rx] = channel<number>(1);

/** What the program does: it has nothing to do but wait, and timers that do not keep it alive. */
const scenes: Record<string, () => Promise<unknown>> = {
  async 'a receiver waits'() {
    setTimeout(() => tx.trySend(1), 100).unref();
    await rx.recv();
  },
  async 'a send waits'() {
    await tx.send(1);
    setTimeout(() => rx.tryRecv(), 100).unref();
    await tx.send(2);
  },
  async 'a late send was made'() {
    const received = rx.recv();
    void tx.send(1, {}, undefined, true);
    await received;
  },
  async 'sends were admitted or have given up'() {
    await tx.send(1);
    await tx.send(2, { timeout: 1 }).catch(() => {});
    await tx.send(3, { signal: AbortSignal.timeout(5) }).catch(() => {});
    const waiting = tx.send(4, { timeout: 2 ** 30, signal: new AbortController().signal });
    await rx.recv();
    await waiting;
  },
};

const scene = process.argv[2];
if (scene !== undefined) {
  await scenes[scene]?.();
  process.stdout.write('done\n');
} else
  for (const name of Object.keys(scenes))
    test(`a process and a thread end by themselves when nothing waits, and not before: ${name}`, async () => {
      const args = [fileURLToPath(import.meta.url), name];
      const { stdout } = await promisify(execFile)(process.execPath, args, { timeout: 15_000 });
      assert.equal(stdout, 'done\n');
      const worker = new Worker(new URL(import.meta.url), { argv: [name], stdout: true });
      assert.deepEqual(await once(worker, 'exit'), [0]);
      assert.equal(String(worker.stdout.read()), 'done\n');
    });
