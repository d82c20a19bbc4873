/**
 * The log. What a thread prints goes to the file descriptor at once, and the log neither holds nor ends the process.
 *
 * Node's own streams do otherwise. Those of a worker thread pass each chunk to the main thread: nothing comes out while
 * one of the two is blocked, and the last lines of a thread that is ended are lost. Those of the main thread queue without
 * bound while nobody reads, keep the process alive for what is queued, and emit errors that end it.
 *
 * One word of shared memory, held while a thread prints, keeps what one call prints in one piece, however long:
 *
 *   FREE → HELD → FREE, or HELD → AWAITED → FREE and a notify
 *
 * If the log is JSON, what one call prints is one object, on one line: see fields.ts. A second word says so to all threads.
 *
 * A full pipe is waited for, but not for ever: when its reader takes nothing for a second, what is printed is dropped until
 * there is room again, and then a line says how much. A thread that dies while it holds the word is waited for as long.
 */
import { writeSync } from 'node:fs';
import type { Writable } from 'node:stream';
import { jsonLine, useFields } from './fields.js';

const FREE = 0;
const HELD = 1;
const AWAITED = 2;

const STDOUT = 1;
const STDERR = 2;
const PATIENCE_MS = 1000;
/** How long to wait before the next look at a full pipe. */
const RETRY_MS = 2;

const never = new Int32Array(new SharedArrayBuffer(4));
/** How many writes have been dropped, by file descriptor, since the reader stopped reading. */
const lost = [0, 0, 0];
/** The word that is held; 1 if the log is JSON. */
let word = new Int32Array(new SharedArrayBuffer(8));
const JSON_LINES = 1;

/** The shared words, for `printDirectly` in another thread. */
export function logMemory(): SharedArrayBuffer {
  return word.buffer;
}

/** Makes this thread's `process.stdout`, `process.stderr` and `console` write directly. */
export function printDirectly(memory: SharedArrayBuffer = word.buffer): void {
  word = new Int32Array(memory);
  redirect(process.stdout, STDOUT);
  redirect(process.stderr, STDERR);
  if (Atomics.load(word, JSON_LINES) === 1) useFields();
}

/** The lines of this thread, and of those that come to print directly from now on, are JSON. */
export function printJson(): void {
  Atomics.store(word, JSON_LINES, 1);
  useFields();
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
    const json = Atomics.load(word, JSON_LINES) === 1;
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
  const patience = hold() ? PATIENCE_MS : 0;
  const before = lost[fd] ?? 0;
  if (before > 0 && write(fd, Buffer.from(`\n(the log was not read: ${before} writes lost)\n`), 0))
    lost[fd] = 0;
  if (lost[fd] !== 0 || !write(fd, bytes, patience)) lost[fd] = (lost[fd] ?? 0) + 1;
  release();
}

/** `false`: the reader of a full pipe has taken nothing for so long. What cannot be written at all counts as written. */
function write(fd: number, bytes: Buffer, patience: number): boolean {
  let waited = 0;
  for (let written = 0; written < bytes.length; ) {
    try {
      written += writeSync(fd, bytes, written);
      waited = 0;
    } catch (error) {
      const full = error instanceof Error && 'code' in error && error.code === 'EAGAIN';
      if (!full) return true; // closed, or the disk is full: there is nobody to tell
      if (waited >= patience) return false;
      Atomics.wait(never, 0, 0, RETRY_MS);
      waited += RETRY_MS;
    }
  }
  return true;
}

/** `false`: taken from a thread that holds it for too long. It has died, or waits for a reader. */
function hold(): boolean {
  if (Atomics.compareExchange(word, 0, FREE, HELD) === FREE) return true;
  while (Atomics.exchange(word, 0, AWAITED) !== FREE) {
    if (Atomics.wait(word, 0, AWAITED, PATIENCE_MS) === 'timed-out') return false;
  }
  return true;
}

function release(): void {
  if (Atomics.exchange(word, 0, FREE) === AWAITED) Atomics.notify(word, 0, 1);
}
