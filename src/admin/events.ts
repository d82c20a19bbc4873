/**
 * The events: a snapshot of everything, four times a second while somebody watches. Each snapshot is complete, so a page
 * that connects again is right at once. It is made once for all readers. A slow reader misses snapshots: it has at most
 * one on its way, and is dropped after ten seconds with the same one.
 */
import type { ServerResponse } from 'node:http';
import type { Answer } from '../http/index.js';

const TICK_MS = 250;
/** The ticks for which a reader may be busy with one snapshot. */
const PATIENCE = 40;
const HEADERS = { 'content-type': 'text/event-stream', 'cache-control': 'no-store' };

/** Begins an answer that goes on, and returns it. */
export type Open = (response: ServerResponse) => Answer;

export function eventsOf(snapshot: () => object): Open {
  /** Each reader, with the number of ticks for which it has been busy. */
  const readers = new Map<ServerResponse, number>();
  let timer: NodeJS.Timeout | undefined;
  const event = () => `data: ${JSON.stringify(snapshot())}\n\n`;

  function tick(): void {
    const next = event();
    for (const [response, busy] of readers) {
      const free = response.writableLength === 0;
      readers.set(response, free ? 0 : busy + 1);
      if (free) response.write(next);
      else if (busy >= PATIENCE) response.destroy();
    }
  }

  return (response) => {
    response.writeHead(200, HEADERS);
    response.write(`retry: 1000\n${event()}`);
    if (readers.size === 0) timer = setInterval(tick, TICK_MS);
    readers.set(response, 0);
    response.once('close', () => {
      readers.delete(response);
      if (readers.size === 0) clearInterval(timer);
    });
    return { status: 200, headers: HEADERS, body: undefined };
  };
}
