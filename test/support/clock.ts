/** The clock of the records: src/runtime/clock.ts. */
import { syncBuiltinESMExports } from 'node:module';
import type { TestContext } from 'node:test';

/** Until the test's end, the clock stands where `ms` says. */
export function setClock(t: TestContext, ms: () => number): void {
  const mocked = t.mock.method(process, 'hrtime', () => [Math.floor(ms() / 1000), (ms() % 1000) * 1e6]);
  syncBuiltinESMExports();
  t.after(() => {
    mocked.mock.restore();
    syncBuiltinESMExports();
  });
}
