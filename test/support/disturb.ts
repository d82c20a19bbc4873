/** Disturbs a runtime at random moments. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Runtime } from '#index';
import type { Random } from './wait.js';

/**
 * Until `done` is aborted: calls `strike` every few milliseconds, which may end a thread, and asks tasks to stop.
 * `idle`: nothing runs. Returns the ids of the tasks that it cancelled before they were started.
 */
export async function disturb(
  random: Random,
  { ledger }: Runtime,
  strike: (idle: boolean) => void,
  done: AbortSignal,
): Promise<Set<number>> {
  const dropped = new Set<number>();
  while (!done.aborted) {
    await sleep(random(12));
    strike(ledger.running().length === 0);
    const open = ledger.open();
    const id = open[open.length - 1 - random(40)];
    if (id !== undefined && ledger.cancel(id) === 'queued') dropped.add(id);
    // Some kinds of tasks end only when they are asked to.
    for (const running of ledger.running()) {
      const { deadline, started = 0 } = ledger.read(running) ?? {};
      if (deadline === undefined && Date.now() - started > 50) ledger.cancel(running);
    }
  }
  return dropped;
}
