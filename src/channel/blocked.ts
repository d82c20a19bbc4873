/**
 * The sends of this thread that wait for room, of all its senders and channels. While the thread blocks in a
 * send or a receive, its event loop cannot look after them, so it does so itself before each look at what it blocks for.
 */
const senders = new Set<() => unknown>();

/** `post` sends as many of a sender's waiting messages as there is room for. */
export function addWaiting(post: () => unknown): void {
  senders.add(post);
}

export function removeWaiting(post: () => unknown): void {
  senders.delete(post);
}

/** `true`: nothing waits. */
export function postAllWaiting(): boolean {
  for (const post of senders) post();
  return senders.size === 0;
}
