/**
 * The soak's load client, a process of its own: so many connections, each of which asks again as soon as it is answered.
 * It queues tasks, asks for their statuses until they are final, cancels some, and hangs up now and then.
 */
import assert from 'node:assert/strict';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Answer, acceptedAt, Connection, problem, requestBytes } from '../support/connection.js';
import { randomFrom } from '../support/wait.js';
import { NEAR_LIMIT, OVER_LIMIT } from './tasks.js';

export interface Totals {
  requests: number;
  /** Answered 202. Of those that were dropped nobody knows. */
  accepted: number;
  /** Answered 503: the queue stayed full. */
  full: number;
  polled: number;
  cancels: number;
  dropped: number;
  /** Statuses seen last, by state. */
  succeeded: number;
  failed: number;
  cancelled: number;
  /** Asked for when the record had been used again. */
  expired: number;
}

/** What comes from the client: totals now and then, and once at the end. */
export interface LoadMessage {
  readonly type: 'totals' | 'done';
  readonly totals: Totals;
}

interface Started {
  readonly url: string;
  readonly kind: string;
  cancelled: boolean;
}

/** As many tasks of its own as a connection keeps in sight. */
const IN_SIGHT = 3;
/** How often a worker thread is ended by its task, and how often one is held for longer than requests wait for room. */
const EXIT_MS = 4000;
const HOLD_MS = 9000;
const KINDS: readonly (readonly [kind: string, weight: number])[] = [
  ['sync', 40],
  ['async', 12],
  ['quick', 28],
  ['busy', 5],
  ['fail', 5],
  ['near', 5],
  ['over', 2],
  ['long', 2],
  ['wait', 1],
];

const [port = 0, connections = 0, seconds = 0, seed = 0] = process.argv.slice(2).map(Number);
const random = randomFrom(seed);
const totals: Totals = {
  requests: 0,
  accepted: 0,
  full: 0,
  polled: 0,
  cancels: 0,
  dropped: 0,
  succeeded: 0,
  failed: 0,
  cancelled: 0,
  expired: 0,
};
const end = performance.now() + seconds * 1000;
const next = { exit: performance.now() + EXIT_MS, hold: performance.now() + HOLD_MS };

function chooseKind(): string {
  const now = performance.now();
  for (const [kind, every] of [
    ['exit', EXIT_MS],
    ['hold', HOLD_MS],
  ] as const) {
    if (now < next[kind] || end - now < HOLD_MS) continue;
    next[kind] = now + every;
    return kind;
  }
  let left = random(100);
  for (const [kind, weight] of KINDS) {
    if (left < weight) return kind;
    left -= weight;
  }
  return 'quick';
}

function requestFor(kind: string): Buffer {
  if (kind === 'sync' || kind === 'async') return requestBytes('POST', `/${kind}`);
  const body = kind === 'long' ? 'long '.repeat(10_000) : `${kind} ${'text '.repeat(random(20))}`;
  return requestBytes('POST', '/text', { body });
}

/** One connection after the other: what it does on each is its own affair. */
class Client {
  readonly #started: Started[] = [];
  #connection: Connection | undefined;

  async run(): Promise<void> {
    while (performance.now() < end) {
      const choice = random(1000);
      if (choice < 4) await this.#drop();
      else if (this.#started.length < IN_SIGHT) await this.#start();
      else if (choice < 40) await this.#cancel(this.#started[random(IN_SIGHT)]);
      else await this.#poll();
    }
    while (this.#started.length > 0) await this.#poll();
    this.#connection?.drop();
  }

  async #request(bytes: Buffer): Promise<Answer> {
    this.#connection ??= await Connection.open(port);
    totals.requests += 1;
    void this.#connection.send(bytes);
    const answer = await this.#connection.answer();
    if (answer.headers['connection'] === 'close') this.#hangUp();
    return answer;
  }

  #hangUp(): void {
    this.#connection?.drop();
    this.#connection = undefined;
  }

  async #start(): Promise<void> {
    const kind = chooseKind();
    const answer = await this.#request(requestFor(kind));
    if (answer.status === 503) {
      problem(answer, 503);
      totals.full += 1;
      return;
    }
    this.#started.push({ url: acceptedAt(answer), kind, cancelled: false });
    totals.accepted += 1;
  }

  /** The oldest first: its record is the next to go. */
  async #poll(): Promise<void> {
    const [first] = this.#started;
    if (first === undefined) return;
    const answer = await this.#request(requestBytes('GET', first.url));
    totals.polled += 1;
    if (answer.status === 404) totals.expired += 1;
    else {
      assert.equal(answer.status, 200, answer.body);
      const view = JSON.parse(answer.body);
      if (view.state === 'queued' || view.state === 'running') {
        this.#started.push(...this.#started.splice(0, 1));
        return;
      }
      check(first, view);
    }
    this.#started.splice(this.#started.indexOf(first), 1);
  }

  async #cancel(started: Started | undefined): Promise<void> {
    if (started === undefined) return;
    const answer = await this.#request(requestBytes('DELETE', started.url));
    totals.cancels += 1;
    if (answer.status === 200 || answer.status === 202) started.cancelled = true;
    else assert.ok(answer.status === 409 || answer.status === 404, answer.body);
  }

  /** Hangs up in the middle of a request, or before the answer. */
  async #drop(): Promise<void> {
    this.#connection ??= await Connection.open(port);
    const bytes = requestFor(random(2) === 0 ? 'quick' : 'long');
    await this.#connection.send(random(2) === 0 ? bytes : bytes.subarray(0, random(bytes.length)));
    if (random(3) === 0) await sleep(random(5));
    if (random(2) === 0) this.#connection.socket.resetAndDestroy();
    this.#hangUp();
    totals.dropped += 1;
  }
}

interface View {
  readonly state: 'succeeded' | 'failed' | 'cancelled';
  readonly result?: unknown;
  readonly error?: { readonly code?: string };
  readonly omittedBytes?: number;
}

/** A final state must be one that this kind of task can have, and bring its own result. */
function check({ kind, cancelled }: Started, view: View): void {
  totals[view.state] += 1;
  const what = `${kind}: ${JSON.stringify(view)}`;
  // A cancel that came while the task ran may also have come too late, or to a task that does not look.
  if (view.state === 'cancelled') assert.ok(cancelled, what);
  else if (kind === 'fail' || kind === 'exit') assert.equal(view.state, 'failed', what);
  else if (kind !== 'async') assert.equal(view.state, 'succeeded', what);
  if (view.state !== 'succeeded') return;
  if (kind === 'near') assert.equal(view.result, 'x'.repeat(NEAR_LIMIT));
  else if (kind === 'over') assert.ok((view.omittedBytes ?? 0) >= OVER_LIMIT, what);
  else if (kind === 'sync') assert.equal(view.result, 'foo');
  else if (kind === 'async') assert.equal(view.result, 'bar');
  else if (kind === 'long') assert.equal(view.result, 50_000);
}

function tell(type: LoadMessage['type'], told = () => {}): void {
  process.send?.({ type, totals } satisfies LoadMessage, told);
}

process.once('disconnect', () => process.exit(1)); // whoever forked it has gone
const telling = setInterval(() => tell('totals'), 1000);
await Promise.all(Array.from({ length: connections }, () => new Client().run()));
clearInterval(telling);
tell('done', () => process.exit(0));
