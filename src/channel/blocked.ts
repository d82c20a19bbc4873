/**
 * What waits for this thread's event loop: sends that wait for room, of all its senders and channels, and wake-ups that are
 * given late. While the thread blocks in a send or a receive, its loop cannot look after them, so it does so itself before
 * each look at what it blocks for.
 */
const waiting = new Set<() => unknown>();

/** `post` does what can be done now. */
export function addWaiting(post: () => unknown): void {
  waiting.add(post);
}

export function removeWaiting(post: () => unknown): void {
  waiting.delete(post);
}

/** Nothing waits. */
export function noneWaiting(): boolean {
  return waiting.size === 0;
}

/** `true`: nothing waits any more. */
export function postAllWaiting(): boolean {
  for (const post of waiting) post();
  return noneWaiting();
}
