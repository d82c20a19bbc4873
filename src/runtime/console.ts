/**
 * The worker thread's console. Node's own hands each line to the main thread and waits for it to be taken before the
 * next, so the second line of a sync task would appear when the task has ended, and none while the main thread is
 * blocked. This one writes to the file descriptor at once.
 */
import { Console } from 'node:console';
import { writeSync } from 'node:fs';
import { Writable } from 'node:stream';

const STDOUT = 1;
const STDERR = 2;
/** How long to wait for the reader of a full pipe before the next try. */
const RETRY_MS = 2;

/** Makes the thread's `console` write directly. */
export function installDirectConsole(): void {
  globalThis.console = new Console(directStream(STDOUT), directStream(STDERR));
}

function directStream(fd: number): Writable {
  return new Writable({
    write(chunk: Buffer, _encoding, done) {
      writeAll(fd, chunk);
      done();
    },
  });
}

/** Writes everything. A full pipe blocks, as it does for any program that prints; a closed one swallows the line. */
function writeAll(fd: number, chunk: Buffer): void {
  const never = new Int32Array(new SharedArrayBuffer(4));
  for (let written = 0; written < chunk.length; ) {
    try {
      written += writeSync(fd, chunk, written);
    } catch (error) {
      if (!(error instanceof Error && 'code' in error && error.code === 'EAGAIN')) return;
      Atomics.wait(never, 0, 0, RETRY_MS); // the main thread made the pipe non-blocking, and it is full
    }
  }
}
