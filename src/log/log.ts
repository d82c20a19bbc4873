/**
 * The log: a thread that prints directly writes each line to the file descriptor at once, or drops it. Node's own streams
 * do neither. A worker's streams pass each chunk to the main thread: no line comes out while that thread is blocked, and
 * the last lines of a thread that is ended are lost. The main thread's streams queue without bound.
 *
 * For room in a full pipe a thread waits half a second, for each of its two outputs. Then it keeps the line, or the rest
 * of it, and drops those that follow. It waits again once the pipe has taken some of what is kept: the reader has read. A
 * child process that inherits the pipe may make it blocking: then a write waits for the reader.
 *
 * Lines of up to 4,096 bytes stay whole, also between Node's streams and a thread that prints directly: a pipe takes those
 * whole or not at all. The rest of a longer one may come after a line of the other thread.
 */
import { writeSync } from 'node:fs';
import type { Writable } from 'node:stream';
import { isJson, jsonLine, printJson } from './fields.js';

const PATIENCE_MS = 500;
const RETRY_MS = 2;

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
  if (process.stderr.listenerCount('error') === 0) process.stderr.on('error', () => {});
}

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
  /** What is left to write of the last line. */
  #rest: Buffer = Buffer.alloc(0);
  #lost = 0;

  constructor(fd: 1 | 2) {
    this.#fd = fd;
  }

  print(chunk: Buffer): void {
    if (!this.#write(0)) {
      this.#lost += 1;
      return;
    }
    const encode = (text: string) => (isJson() ? jsonLine(this.#fd === 1 ? 'info' : 'error', text) : text);
    const note = this.#lost > 0 ? encode(`(the log was not read: ${this.#lost} writes lost)\n`) : '';
    const line = isJson() ? Buffer.from(encode(`${chunk}`)) : chunk;
    this.#lost = 0;
    this.#rest = Buffer.concat([Buffer.from(note), line]);
    this.#write(PATIENCE_MS);
  }

  /** Returns false if something is left. Nothing is, if it cannot be written: nobody is there to tell. */
  #write(patience: number): boolean {
    let since = performance.now();
    while (this.#rest.length > 0) {
      try {
        this.#rest = this.#rest.subarray(writeSync(this.#fd, this.#rest));
        since = performance.now();
        patience = PATIENCE_MS;
      } catch (error) {
        const isFull = error instanceof Error && 'code' in error && error.code === 'EAGAIN';
        if (!isFull) this.#rest = Buffer.alloc(0);
        else if (performance.now() - since >= patience) return false;
        else Atomics.wait(never, 0, 0, RETRY_MS);
      }
    }
    return true;
  }
}
