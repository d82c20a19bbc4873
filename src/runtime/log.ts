/**
 * The log: a thread that prints directly writes each line to the file descriptor at once, or drops it.
 *
 * Node's own streams do neither. A worker's streams pass each chunk to the main thread: no line comes out while that
 * thread is blocked, and the last lines of a thread that is ended are lost. The main thread's streams queue without bound.
 *
 * A thread that prints holds a word of shared memory, so that one print is one piece. For that word, and for room in a
 * full pipe, a thread waits one second in all; then it drops each line that does not fit. The second starts anew once
 * 4,096 more bytes have been written: the tail of a full pipe has less room, so the reader reads. The next line that
 * fits follows a note of how many were lost. A line that was broken off, at the end of the second or of its thread, gets
 * a mark. A child process that inherits the pipe may make it blocking: then a write waits for the reader.
 *
 * In a program that never calls `printDirectly`, the main thread keeps Node's streams. Lines of up to 4,096 bytes stay
 * whole there, too: a pipe takes those whole or not at all. A longer one may be split by a line of the other thread.
 */
import { fstatSync, writeSync } from 'node:fs';
import type { Writable } from 'node:stream';
import { threadId } from 'node:worker_threads';
import { jsonLine, useFields } from './fields.js';

const PATIENCE_MS = 1000;
const RETRY_MS = 2;
/** PIPE_BUF: a full pipe has less room than that. */
const MAX_TAIL = 4096;

// The shared words: JSON_LINES, then three for each output.
const JSON_LINES = 0;
const OUTPUTS = [1, 4] as const;
const HOLDER = 0; // FREE, or 1 + the id of the thread that prints
const WRITTEN = 1; // bytes, modulo 2³²
const TORN = 2; // 1: perhaps the last line has no end
const WORDS = 7;
const FREE = 0;

const never = new Int32Array(new SharedArrayBuffer(4));
let words = new Int32Array(new SharedArrayBuffer(4 * WORDS));

/** A file or a pipe, as this thread knows it. */
interface Output {
  /** Index of its shared words. */
  readonly at: number;
  /** For how long this thread has waited since the reader was seen to read, and how much had been WRITTEN then. */
  waited: number;
  since: number;
  /** How many writes were dropped. */
  lost: number;
}

/** The shared words, for `printDirectly` in another thread. Afterwards pipes do not block: Node's streams see to that. */
export function logMemory(): SharedArrayBuffer {
  void [process.stdout, process.stderr];
  return words.buffer;
}

/** Makes this thread's `process.stdout`, `process.stderr` and `console` write directly. */
export function printDirectly(memory: SharedArrayBuffer = words.buffer): void {
  words = new Int32Array(memory);
  const stdout = { at: OUTPUTS[0], waited: 0, since: 0, lost: 0 };
  redirect(process.stdout, 1, stdout);
  redirect(process.stderr, 2, isOneFile() ? stdout : { ...stdout, at: OUTPUTS[1] });
  if (Atomics.load(words, JSON_LINES) === 1) useFields();
}

/** The lines of this thread, and of those that come to print directly from now on, are JSON. */
export function printJson(): void {
  Atomics.store(words, JSON_LINES, 1);
  useFields();
}

/** A thread has ended, perhaps in the middle of a line: the others need not wait for it. */
export function freeLog(thread: number): void {
  for (const at of OUTPUTS) release(at, thread);
}

/** For a program that keeps Node's streams: a stderr that is closed or full does not end it. */
export function ignoreStderrErrors(): void {
  if (!process.stderr.listeners('error').includes(ignore)) process.stderr.on('error', ignore);
}

function ignore(): void {}

/**
 * As after `2>&1`. In bigints, since Node.js 20 keeps the other numbers: after those of a pipe it no longer resolves
 * symbolic links, and a library that is installed as a link would be loaded twice.
 */
function isOneFile(): boolean {
  try {
    const [stdout, stderr] = [fstatSync(1, { bigint: true }), fstatSync(2, { bigint: true })];
    return stdout.dev === stderr.dev && stdout.ino === stderr.ino;
  } catch {
    return false; // one of them is closed
  }
}

/** The streams stay Node's, with all that they and the console can do; only where the bytes go changes. */
function redirect(stream: Writable, fd: number, output: Output): void {
  const _write: Writable['_write'] = (chunk: string | Buffer, encoding, done) => {
    print(fd, output, typeof chunk === 'string' ? Buffer.from(chunk, encoding) : chunk);
    done();
  };
  Object.assign(stream, { _write, _writev: null });
}

function print(fd: number, output: Output, chunk: Buffer): void {
  if (!hold(output)) {
    output.lost++;
    return;
  }
  try {
    const torn = Atomics.exchange(words, output.at + TORN, 1); // this thread may be ended within the write
    const json = Atomics.load(words, JSON_LINES) === 1;
    const encode = (text: string) => (json ? jsonLine(fd === 1 ? 'info' : 'error', text) : text);
    const mark = torn === 1 ? '… [cut]\n' : '';
    const note = output.lost > 0 ? encode(`(the log was not read: ${output.lost} writes lost)\n`) : '';
    const before = Buffer.from(mark + note);
    const bytes = Buffer.concat([before, json ? Buffer.from(encode(chunk.toString())) : chunk]);
    const written = write(fd, output, bytes);
    if (written >= before.length) output.lost = 0;
    if (written < bytes.length) output.lost++;
    if (written === bytes.length || (written === 0 && torn === 0)) Atomics.store(words, output.at + TORN, 0);
  } finally {
    release(output.at, threadId);
  }
}

/** Returns how many bytes were written. All, if they cannot be written: nobody is there to tell. */
function write(fd: number, output: Output, bytes: Buffer): number {
  for (let written = 0; ; ) {
    try {
      const count = writeSync(fd, bytes, written);
      Atomics.add(words, output.at + WRITTEN, count); // pairs with the load in wait
      written += count;
      if (written === bytes.length) return written;
    } catch (error) {
      if (!(error instanceof Error && 'code' in error && error.code === 'EAGAIN')) return bytes.length;
      if (!wait(output, never, 0, 0)) return written;
    }
  }
}

/** `false`: the holder prints on, or is dead. */
function hold(output: Output): boolean {
  for (;;) {
    const holder = Atomics.compareExchange(words, output.at + HOLDER, FREE, 1 + threadId);
    if (holder === FREE) return true;
    if (!wait(output, words, output.at + HOLDER, holder)) return false; // pairs with release
  }
}

/** Does nothing if another thread holds it. */
function release(at: number, thread: number): void {
  if (Atomics.compareExchange(words, at + HOLDER, 1 + thread, FREE) === 1 + thread)
    Atomics.notify(words, at + HOLDER);
}

/** Waits a little. `false`: the second is over, and nobody has read since. */
function wait(output: Output, array: Int32Array, index: number, value: number): boolean {
  const written = Atomics.load(words, output.at + WRITTEN);
  if (output.waited === 0 || (written - output.since) >>> 0 > MAX_TAIL) {
    output.waited = 0;
    output.since = written;
  }
  if (output.waited >= PATIENCE_MS) return false;
  const from = performance.now();
  Atomics.wait(array, index, value, RETRY_MS);
  output.waited += performance.now() - from;
  return true;
}
