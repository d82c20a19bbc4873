/**
 * The events: a snapshot of everything, four times a second while somebody watches. Each snapshot is complete, so a page
 * that connects again is right at once. It is made once for all readers. A slow reader misses snapshots: it has at most
 * one on its way.
 */
import type { ServerResponse } from 'node:http';
import type { Answer } from '../http/index.js';

const TICK_MS = 250;
const HEADERS = { 'content-type': 'text/event-stream', 'cache-control': 'no-store' };

/** Begins an answer that goes on, and returns it. */
export type Open = (response: ServerResponse) => Answer;

export function eventsOf(snapshot: () => object): Open {
  const readers = new Set<ServerResponse>();
  let timer: NodeJS.Timeout | undefined;
  const event = () => `data: ${JSON.stringify(snapshot())}\n\n`;

  function tick(): void {
    const next = event();
    for (const response of readers) if (response.writableLength === 0) response.write(next);
  }

  return (response) => {
    response.writeHead(200, HEADERS);
    response.write(`retry: 1000\n${event()}`);
    if (readers.size === 0) timer = setInterval(tick, TICK_MS);
    readers.add(response);
    response.once('close', () => {
      readers.delete(response);
      if (readers.size === 0) clearInterval(timer);
    });
    return { status: 200, headers: HEADERS, body: undefined };
  };
}
