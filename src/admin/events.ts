/**
 * The events: a snapshot of everything, four times a second while somebody watches. Each snapshot is complete, so a page
 * that connects again is right at once. It is made once for all readers. A slow reader misses snapshots: it has at most
 * one on its way, and is dropped after ten seconds with the same one.
 */
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Answer } from '../http/index.js';

const TICK_MS = 250;
/** The ticks for which a reader may be busy with one snapshot. */
const PATIENCE = 40;
const HEADERS = { 'content-type': 'text/event-stream', 'x-content-type-options': 'nosniff' };
const OPENED: Answer = { status: 200, headers: HEADERS, body: '' };

export class Events {
  readonly #snapshot: () => object;
  /** Each reader, with the number of ticks for which it has been busy. */
  readonly #readers = new Map<ServerResponse, number>();
  #timer: NodeJS.Timeout | undefined;

  constructor(snapshot: () => object) {
    this.#snapshot = snapshot;
  }

  /** Begins an answer that goes on. `createHttpServer` sends the returned one only to HEAD. */
  open({ method }: IncomingMessage, response: ServerResponse): Answer {
    if (method === 'HEAD') return OPENED;
    response.writeHead(200, { ...HEADERS, 'cache-control': 'no-store' });
    response.write(`retry: 1000\n${this.#event()}`);
    response.once('close', () => this.#leave(response));
    this.#readers.set(response, 0);
    this.#timer ??= setInterval(() => this.#tick(), TICK_MS);
    return OPENED;
  }

  #leave(response: ServerResponse): void {
    this.#readers.delete(response);
    if (this.#readers.size > 0) return;
    clearInterval(this.#timer);
    this.#timer = undefined;
  }

  #event(): string {
    return `data: ${JSON.stringify(this.#snapshot())}\n\n`;
  }

  #tick(): void {
    const event = this.#event();
    for (const [response, busy] of this.#readers) {
      const free = response.writableLength === 0;
      this.#readers.set(response, free ? 0 : busy + 1);
      if (free) response.write(event);
      else if (busy >= PATIENCE) response.destroy();
    }
  }
}
