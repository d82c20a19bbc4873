/**
 * The log: a thread that prints directly writes each line to the file descriptor at once, or drops it.
 *
 * Node's own streams do neither. A worker's streams pass each chunk to the main thread: no line comes out while that
 * thread is blocked, and the last lines of a thread that is ended are lost. The main thread's streams queue without bound.
 *
 * For room in a full pipe a thread waits half a second in all, for each of its two outputs. Then it drops each line that
 * does not fit. The time starts anew once the thread has written 4,096 more bytes: the tail of a full pipe has less room,
 * so the reader reads. Before the next line that fits stand a mark, if the last line was broken off, and a note of how many
 * lines were lost. A child process that inherits the pipe may make it blocking: then a write waits for the reader.
 *
 * Lines of up to 4,096 bytes stay whole, also in a program that never calls `printDirectly`, where the main thread keeps
 * Node's streams: a pipe takes those whole or not at all. A longer one may be split by a line of the other thread.
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
  if (!process.stderr.listeners('error').includes(ignore)) process.stderr.on('error', ignore);
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
  /** For how long it has waited since the reader was seen to read, and how much was written meanwhile. */
  #waited = 0;
  #written = 0;
  /** How many writes were dropped. */
  #lost = 0;
  /** The last line was broken off. */
  #torn = false;

  constructor(fd: 1 | 2) {
    this.#fd = fd;
  }

  print(chunk: Buffer): void {
    const encode = (text: string) => (isJson() ? jsonLine(this.#fd === 1 ? 'info' : 'error', text) : text);
    const note = this.#lost > 0 ? encode(`(the log was not read: ${this.#lost} writes lost)\n`) : '';
    const before = Buffer.from((this.#torn ? '… [cut]\n' : '') + note);
    const bytes = Buffer.concat([before, isJson() ? Buffer.from(encode(chunk.toString())) : chunk]);
    const written = this.#write(bytes);
    if (written >= before.length) this.#lost = 0;
    if (written < bytes.length) this.#lost++;
    if (written > 0) this.#torn = written < bytes.length;
  }

  /** Returns how many bytes were written. All, if they cannot be written: nobody is there to tell. */
  #write(bytes: Buffer): number {
    for (let written = 0; ; ) {
      try {
        const count = writeSync(this.#fd, bytes, written);
        this.#written += count;
        written += count;
        if (written === bytes.length) return written;
      } catch (error) {
        if (!(error instanceof Error && 'code' in error && error.code === 'EAGAIN')) return bytes.length;
        if (!this.#wait()) return written;
      }
    }
  }

  /** Waits a little. `false`: the time is over, and nobody has read since. */
  #wait(): boolean {
    if (this.#waited === 0 || this.#written > MAX_TAIL) this.#waited = this.#written = 0;
    if (this.#waited >= PATIENCE_MS) return false;
    const from = performance.now();
    Atomics.wait(never, 0, 0, RETRY_MS);
    this.#waited += performance.now() - from;
    return true;
  }
}
