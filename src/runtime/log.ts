/**
 * The log. What a thread prints goes to the file descriptor at once, and the log neither holds nor ends the process.
 *
 * Node's own streams do otherwise. Those of a worker thread pass each chunk to the main thread: nothing comes out while
 * one of the two is blocked, and the last lines of a thread that is ended are lost. Those of the main thread queue without
 * bound while nobody reads, keep the process alive for what is queued, and emit errors that end it.
 *
 * One word of shared memory, held while a thread prints, keeps what one call prints in one piece, however long:
 *
 *   HOLDER     FREE, or the thread that prints, with a bit set if others wait, who are notified then
 *   PROGRESS   +1 for each piece that has been written
 *
 * If the log is JSON, what one call prints is one object, on one line: see fields.ts. A third word says so to all threads.
 *
 * A full pipe is waited for, but not for ever: when its reader takes nothing for a second, what is printed is dropped until
 * there is room again, and then a line says how much. A holder whose thread has ended is freed by whoever sees that; from
 * one that makes no progress for twice as long, the word is taken.
 */
import { writeSync } from 'node:fs';
import type { Writable } from 'node:stream';
import { threadId } from 'node:worker_threads';
import { jsonLine, useFields } from './fields.js';

const FREE = 0;
const AWAITED = 1;

const STDOUT = 1;
const STDERR = 2;
const PATIENCE_MS = 1000;
/** How long to wait before the next look at a full pipe. */
const RETRY_MS = 2;

const never = new Int32Array(new SharedArrayBuffer(4));
/** How many writes have been dropped, by file descriptor, since the reader stopped reading. */
const lost = [0, 0, 0];
let words = new Int32Array(new SharedArrayBuffer(12));
const HOLDER = 0;
const PROGRESS = 1;
const JSON_LINES = 2;

/** The shared words, for `printDirectly` in another thread. */
export function logMemory(): SharedArrayBuffer {
  return words.buffer;
}

/** Makes this thread's `process.stdout`, `process.stderr` and `console` write directly. */
export function printDirectly(memory: SharedArrayBuffer = words.buffer): void {
  words = new Int32Array(memory);
  redirect(process.stdout, STDOUT);
  redirect(process.stderr, STDERR);
  if (Atomics.load(words, JSON_LINES) === 1) useFields();
}

/** The lines of this thread, and of those that come to print directly from now on, are JSON. */
export function printJson(): void {
  Atomics.store(words, JSON_LINES, 1);
  useFields();
}

/** A thread has ended, perhaps in the middle of a line: the others need not wait for it. */
export function freeLog(thread: number): void {
  release(holderOf(thread));
}

/** For a program that keeps Node's streams: a stderr that is closed or full does not end it. */
export function ignoreStderrErrors(): void {
  if (!process.stderr.listeners('error').includes(ignore)) process.stderr.on('error', ignore);
}

function ignore(): void {}

/** The streams stay Node's, with all that they and the console can do; only where the bytes go changes. */
function redirect(stream: Writable, fd: number): void {
  const bytes = (chunk: string | Buffer, encoding: BufferEncoding) =>
    typeof chunk === 'string' ? Buffer.from(chunk, encoding) : chunk;
  stream._write = (chunk, encoding, done) => {
    const json = Atomics.load(words, JSON_LINES) === 1;
    const level = fd === STDOUT ? 'info' : 'error';
    print(fd, json ? Buffer.from(jsonLine(level, String(chunk))) : bytes(chunk, encoding));
    done();
  };
  stream._writev = (chunks, done) => {
    for (const { chunk, encoding } of chunks) stream._write(chunk, encoding, () => {});
    done();
  };
}

function print(fd: number, bytes: Buffer): void {
  const holder = holderOf(threadId);
  const patience = hold(holder) ? PATIENCE_MS : 0;
  const before = lost[fd] ?? 0;
  if (before > 0 && write(fd, Buffer.from(`\n(the log was not read: ${before} writes lost)\n`), 0))
    lost[fd] = 0;
  if (lost[fd] !== 0 || !write(fd, bytes, patience)) lost[fd] = (lost[fd] ?? 0) + 1;
  release(holder);
}

/** `false`: the reader of a full pipe has taken nothing for so long. What cannot be written at all counts as written. */
function write(fd: number, bytes: Buffer, patience: number): boolean {
  let last = performance.now();
  for (let written = 0; written < bytes.length; ) {
    try {
      written += writeSync(fd, bytes, written);
      Atomics.add(words, PROGRESS, 1); // pairs with the loads in hold
      last = performance.now();
    } catch (error) {
      const full = error instanceof Error && 'code' in error && error.code === 'EAGAIN';
      if (!full) return true; // closed, or the disk is full: there is nobody to tell
      if (performance.now() - last >= patience) return false;
      Atomics.wait(never, 0, 0, RETRY_MS);
    }
  }
  return true;
}

function holderOf(thread: number): number {
  return (thread << 2) | 2; // never FREE
}

/** `false`: taken from a thread that seems to be dead. */
function hold(holder: number): boolean {
  for (;;) {
    const other = Atomics.compareExchange(words, HOLDER, FREE, holder);
    if (other === FREE) return true;
    const awaited = other | AWAITED;
    if (Atomics.compareExchange(words, HOLDER, other, awaited) !== other) continue;
    const progress = Atomics.load(words, PROGRESS);
    if (Atomics.wait(words, HOLDER, awaited, 2 * PATIENCE_MS) !== 'timed-out') continue; // pairs with release
    if (Atomics.load(words, PROGRESS) !== progress) continue; // pairs with the add in write
    if (Atomics.compareExchange(words, HOLDER, awaited, holder | AWAITED) === awaited) return false; // others may wait, too
  }
}

/** Does nothing if it was taken away. */
function release(holder: number): void {
  if (Atomics.compareExchange(words, HOLDER, holder, FREE) === holder) return;
  if (Atomics.compareExchange(words, HOLDER, holder | AWAITED, FREE) === (holder | AWAITED))
    Atomics.notify(words, HOLDER); // all: each says again that it waits
}
