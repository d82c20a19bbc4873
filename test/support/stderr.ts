/** What this thread tells of threads and tasks that failed. */
import type { TestContext } from 'node:test';

/** Keeps what is printed by `console.error` until the test's end, instead of printing it. */
export function keepStderr(t: TestContext): string[] {
  const printed: string[] = [];
  t.mock.method(console, 'error', (text: string) => printed.push(text));
  return printed;
}
