/**
 * The log: a thread that prints directly writes each line to the file descriptor at once, or drops it. Node's own streams
 * do neither. A worker's streams pass each chunk to the main thread: no line comes out while that thread is blocked, and
 * the last lines of a thread that is ended are lost. The main thread's streams queue without bound.
 *
 * For room in a full pipe a thread waits half a second in all, for each of its two outputs. Then it keeps the line, or the
 * rest of it, for later, and drops those that follow. The time starts anew once it has written 4,096 more bytes: a full
 * pipe takes less than that, so the reader has read. A child process that inherits the pipe may make it blocking: then a
 * write waits for the reader.
 *
 * Lines of up to 4,096 bytes stay whole, also between Node's streams and a thread that prints directly: a pipe takes those
 * whole or not at all. The rest of a longer one may come after a line of the other thread.
 */
import { writeSync } from 'node:fs';
import type { Writable } from 'node:stream';
import { isJson, jsonLine, printJson } from './fields.js';

const PATIENCE_MS = 500;
const RETRY_MS = 2;
/** PIPE_BUF: a full pipe has less room than that. */
const MAX_TAIL = 4096;

const never = new Int32Array(new SharedArrayBuffer(4));

/** Makes this thread's `process.stdout`, `process.stderr` and `console` write directly. `json`: as `printJson`. */
export function printDirectly(json = false): void {
  redirect(process.stdout, new Output(1));
  redirect(process.stderr, new Output(2));
  if (json) printJson();
}

/** For a program that keeps Node's streams: its pipes no longer block, and a stderr that is closed does not end it. */
export function tameStreams(): void {
  void process.stdout; // made when it is first asked for
  process.stderr.off('error', ignore).on('error', ignore);
}

function ignore(): void {}

/** The streams stay Node's, with all that they and the console can do; only where the bytes go changes. */
function redirect(stream: Writable, output: Output): void {
  const _write: Writable['_write'] = (chunk: string | Buffer, encoding, done) => {
    output.print(typeof chunk === 'string' ? Buffer.from(chunk, encoding) : chunk);
    done();
  };
  Object.assign(stream, { _write, _writev: null });
}

/** A file or a pipe, as this thread knows it. */
class Output {
  readonly #fd: 1 | 2;
  /** The part of the last line that is not written yet. */
  #rest: Buffer = Buffer.alloc(0);
  #lost = 0;
  /** For how long it has waited since the reader was seen to read, and how much was written meanwhile. */
  #waited = 0;
  #written = 0;

  constructor(fd: 1 | 2) {
    this.#fd = fd;
  }

  print(chunk: Buffer): void {
    this.#rest = this.#write(this.#rest);
    if (this.#rest.length > 0) {
      this.#lost += 1;
      return;
    }
    const encode = (text: string) => (isJson() ? jsonLine(this.#fd === 1 ? 'info' : 'error', text) : text);
    const note = this.#lost > 0 ? encode(`(the log was not read: ${this.#lost} writes lost)\n`) : '';
    const line = isJson() ? Buffer.from(encode(`${chunk}`)) : chunk;
    this.#lost = 0;
    this.#rest = this.#write(Buffer.concat([Buffer.from(note), line]));
  }

  /** Returns what is left. Nothing, if it cannot be written: nobody is there to tell. */
  #write(bytes: Buffer): Buffer {
    let rest = bytes;
    while (rest.length > 0) {
      try {
        const count = writeSync(this.#fd, rest);
        this.#written += count;
        rest = rest.subarray(count);
      } catch (error) {
        if (!(error instanceof Error && 'code' in error && error.code === 'EAGAIN')) return Buffer.alloc(0);
        if (!this.#wait()) return rest;
      }
    }
    return rest;
  }

  /** Waits a little. `false`: the time is over, and nobody has read since. */
  #wait(): boolean {
    if (this.#waited === 0 || this.#written > MAX_TAIL) this.#waited = this.#written = 0;
    if (this.#waited >= PATIENCE_MS) return false;
    Atomics.wait(never, 0, 0, RETRY_MS);
    this.#waited += RETRY_MS;
    return true;
  }
}
