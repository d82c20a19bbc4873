/** What this thread prints to stderr, past `console`: see src/runtime/log.ts. */
import fs from 'node:fs';
import { syncBuiltinESMExports } from 'node:module';
import type { TestContext } from 'node:test';

/** Keeps what is printed to stderr until the test's end, instead of printing it. */
export function keepStderr(t: TestContext): string[] {
  const printed: string[] = [];
  const write = fs.writeSync;
  fs.writeSync = ((fd: number, chunk: Buffer, ...rest: []) => {
    if (fd !== 2) return write(fd, chunk, ...rest);
    printed.push(String(chunk));
    return chunk.length;
  }) as typeof write;
  syncBuiltinESMExports();
  t.after(() => {
    fs.writeSync = write;
    syncBuiltinESMExports();
  });
  return printed;
}
