/** What the tests of the channel do with its ends. */
import { test as it } from 'node:test';
import type { Receiver, Sender } from '#channel';
import { BELL, COMERS } from '#channel/memory';
import { until } from '../support/wait.js';

/** A test that would wait for ever fails after 20 s instead. */
export function test(title: string, run: () => void | Promise<void>): void {
  it(title, { timeout: 20_000 }, run);
}

export function range(count: number, from = 0): number[] {
  return Array.from({ length: count }, (_, i) => from + i);
}

/** Sends 0, 1, 2, … until there is no room; returns how many there were. */
export function fill(tx: Sender<number>): number {
  let sent = 0;
  while (tx.trySend(sent)) sent += 1;
  return sent;
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

interface End {
  readonly memory: SharedArrayBuffer;
}

/** Does `action`, and resolves when a sender, in whatever thread, has come to wait for room. */
export async function cameToWait<T>({ memory }: End, action: () => T): Promise<{ done: T }> {
  const words = new Int32Array(memory);
  const before = Atomics.load(words, COMERS);
  const done = action();
  await until(() => Atomics.load(words, COMERS) !== before);
  return { done };
}

/** Resolves when the receiver, in whatever thread, sleeps. */
export async function receiverSleeps({ memory }: End): Promise<void> {
  await until(() => Atomics.load(new Int32Array(memory), BELL) === 1);
}
