/** What the tests of the channel do with its ends. */
import { test as it } from 'node:test';
import type { Receiver, Sender } from '#channel';
import { COMERS } from '#channel/memory';
import { until } from '../support/wait.js';

/** A test that would wait for ever fails after 20 s instead. */
export function test(title: string, run: () => void | Promise<void>): void {
  it(title, { timeout: 20_000 }, run);
}

export function range(count: number): number[] {
  return Array.from({ length: count }, (_, i) => i);
}

/** Sends 0, 1, 2, … until there is no room; returns how many there were. */
export function fill(tx: Sender<number>): number {
  for (let sent = 0; ; sent++) if (!tx.trySend(sent)) return sent;
}

export function drain<T>(rx: Receiver<T>): T[] {
  const values: T[] = [];
  for (let value = rx.tryRecv(); value !== undefined; value = rx.tryRecv()) values.push(value);
  return values;
}

export async function collect<T>(rx: Receiver<T>): Promise<T[]> {
  const values: T[] = [];
  for await (const value of rx) values.push(value);
  return values;
}

type End = Pick<Sender<unknown>, 'memory'>;

/** Does `action`, and resolves when a sender, in whatever thread, has come to wait for room. */
export async function cameToWait({ memory }: End, action: () => void): Promise<void> {
  const words = new Int32Array(memory);
  const before = Atomics.load(words, COMERS);
  action();
  await until(() => Atomics.load(words, COMERS) !== before);
}
