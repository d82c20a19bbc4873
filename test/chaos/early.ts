/** Tasks that are sent while the worker thread is still starting, and what becomes of them if the start fails. */
import assert from 'node:assert/strict';
import { inspect } from 'node:util';
import { ChannelClosedError, move, runTask, type Sender, type Task, type TaskHandle } from '#index';

function send(tx: Sender<Task>): Promise<TaskHandle> {
  const idle = move({}, () => {}); // a closure is of no module, so nobody has to know the module yet
  return runTask(idle, tx);
}

export function sendEarly(tx: Sender<Task>, count: number): Promise<TaskHandle>[] {
  const sends = Array.from({ length: count }, () => send(tx));
  for (const each of sends) each.catch(() => {});
  return sends;
}

/** What was queued has ended, what waited for room was refused, and so is the rest. */
export async function expectRefused(tx: Sender<Task>, early: readonly Promise<TaskHandle>[]): Promise<void> {
  for (const sent of await Promise.allSettled(early)) {
    if (sent.status === 'rejected') {
      assert.ok(sent.reason instanceof ChannelClosedError, inspect(sent));
      continue;
    }
    await Promise.allSettled([sent.value.finished()]);
    assert.equal(sent.value.status()?.state, 'cancelled');
  }
  await assert.rejects(send(tx), ChannelClosedError);
}
