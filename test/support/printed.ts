/** What this thread prints to stderr: log.ts writes to the file, past `console`. */
import fs from 'node:fs';
import { syncBuiltinESMExports } from 'node:module';
import type { TestContext } from 'node:test';

/** Keeps what is printed during the test, in place of printing it. */
export function printedErrors(t: TestContext): string[] {
  const errors: string[] = [];
  const write = fs.writeSync;
  fs.writeSync = ((fd: number, chunk: Buffer, ...rest: []) => {
    if (fd !== 2) return write(fd, chunk, ...rest);
    errors.push(String(chunk));
    return chunk.length;
  }) as typeof write;
  syncBuiltinESMExports();
  t.after(() => {
    fs.writeSync = write;
    syncBuiltinESMExports();
  });
  return errors;
}
