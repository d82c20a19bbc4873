/**
 * The events: a snapshot of everything, a few times a second, as long as anybody watches. Each is complete, so a page that
 * connects again is right at once, and a reader that is slow misses some: it has one on its way at most, and is dropped
 * if it does not take that for long. A snapshot is made once for all that watch.
 */
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Answer } from '../http/index.js';

const TICK_MS = 250;
/** So many ticks in turn a reader may be busy with one snapshot. */
const PATIENCE = 40;

const OPENED: Answer = {
  status: 200,
  headers: { 'content-type': 'text/event-stream', 'x-content-type-options': 'nosniff' },
  body: '',
};

/** What there is to see. */
interface Source {
  /** Somebody watches, or nobody any more. */
  start(): void;
  stop(): void;
  snapshot(): object;
}

export class Events {
  readonly #source: Source;
  /** Each reader, and for how many ticks it has been busy. */
  readonly #readers = new Map<ServerResponse, number>();
  #timer: NodeJS.Timeout | undefined;

  constructor(source: Source) {
    this.#source = source;
  }

  /** The answer goes on; what is returned has been sent already. */
  open({ method }: IncomingMessage, response: ServerResponse): Answer {
    if (method === 'HEAD') return OPENED;
    response.writeHead(OPENED.status, { ...OPENED.headers, 'cache-control': 'no-store' });
    response.once('close', () => this.#leave(response));
    this.#readers.set(response, 0);
    this.#timer ??= this.#start();
    response.write(`retry: 1000\n${this.#event()}`);
    return OPENED;
  }

  #start(): NodeJS.Timeout {
    this.#source.start();
    return setInterval(() => this.#tick(), TICK_MS);
  }

  #leave(response: ServerResponse): void {
    this.#readers.delete(response);
    if (this.#readers.size > 0) return;
    clearInterval(this.#timer);
    this.#timer = undefined;
    this.#source.stop();
  }

  #event(): string {
    return `data: ${JSON.stringify(this.#source.snapshot())}\n\n`;
  }

  #tick(): void {
    const event = this.#event();
    for (const [response, busy] of this.#readers) {
      this.#readers.set(response, response.writableLength > 0 ? busy + 1 : 0);
      if (response.writableLength === 0) response.write(event);
      else if (busy >= PATIENCE) response.destroy();
    }
  }
}
