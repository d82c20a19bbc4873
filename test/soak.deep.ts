/**
 * Soak: the application under full load for minutes, `node build/test/soak.deep.js [minutes] [seed]`. The server and the
 * load client are a process each, so that the server's memory is measured alone. At the end every task that was accepted
 * must have ended, and the server must be as it was near the beginning: see soak/verdict.ts.
 */
import assert from 'node:assert/strict';
import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import type { LoadMessage, Totals } from './soak/load.js';
import type { Books, ServerMessage } from './soak/server.js';
import { complaints, megabytes, quarters, type Sample } from './soak/verdict.js';
import { figure } from './support/figures.js';

const minutes = Number(process.argv[2] ?? 10);
const seed = Number(process.argv[3] ?? Date.now() % 1_000_000);
const CONNECTIONS = 64;
const SAMPLE_MS = Math.min(5000, minutes * 500); // 120 samples, or more
const LINE_MS = Math.min(30_000, minutes * 3000);
const PATIENCE_MS = 60_000;

/** A child that speaks in messages of type `M`, and is killed with this process at the latest. */
class Child<M extends { readonly type: string }> {
  readonly #process: ChildProcess;
  readonly #name: string;
  #errors = '';

  constructor(name: string, args: readonly number[], hear: (message: M) => void) {
    this.#name = name;
    const entry = fileURLToPath(new URL(`./soak/${name}.js`, import.meta.url));
    this.#process = fork(entry, args.map(String), { stdio: ['ignore', 'ignore', 'pipe', 'ipc'] });
    this.#process.stderr?.on('data', (chunk) => {
      this.#errors = (this.#errors + chunk).slice(-4000); // failed tasks are logged: only the end matters
    });
    this.#process.on('message', (message) => hear(message as M));
  }

  /** The next message of that type. Rejects if the child ends without it, or it takes too long. */
  async message<T extends M['type']>(type: T, ms: number): Promise<Extract<M, { type: T }>> {
    const done = new AbortController();
    const { signal } = done;
    const lost = (what: string) => new Error(`The ${this.#name} ${what} before '${type}'\n${this.#errors}`);
    try {
      return await new Promise((resolve, reject) => {
        const timer = setTimeout(() => reject(lost(`took ${ms} ms`)), ms);
        signal.addEventListener('abort', () => clearTimeout(timer));
        const look = (message: unknown) => {
          if ((message as M).type === type) resolve(message as Extract<M, { type: T }>);
        };
        this.#process.on('message', look);
        signal.addEventListener('abort', () => this.#process.off('message', look));
        const ended = (code: unknown, by: unknown) => reject(lost(`ended with ${code ?? by}`));
        this.#process.on('exit', ended);
        signal.addEventListener('abort', () => this.#process.off('exit', ended));
      });
    } finally {
      done.abort();
    }
  }

  send(message: object): void {
    this.#process.send(message);
  }

  async kill(): Promise<void> {
    if (this.#process.exitCode !== null || this.#process.signalCode !== null) return;
    this.#process.kill('SIGKILL');
    await once(this.#process, 'exit');
  }
}

const samples: Sample[] = [];
let totals: Totals | undefined;

function line(): void {
  const last = samples.at(-1);
  if (last === undefined || totals === undefined) return;
  const { rss, heap, handles, sockets, loop, restarts } = last;
  const { p50, p99, max } = loop;
  const delays = [p50, p99, max].map((ms) => ms.toFixed(0)).join('/');
  console.log(
    `${((samples.length * SAMPLE_MS) / 1000).toFixed(0).padStart(5)} s: RSS ${megabytes(rss)}, heap ${megabytes(heap)}, ` +
      `${handles} handles, ${sockets} sockets, loop p50/p99/max ${delays} ms, ${restarts} restarts, ` +
      `${totals.requests} requests, ${totals.accepted} tasks, ${totals.full} × 503`,
  );
}

/** Every task that was accepted has ended, in one way. */
function checkBooks(books: Books, { accepted }: Totals): void {
  const what = JSON.stringify(books);
  assert.equal(books.open, 0, what);
  assert.equal(books.begun + books.dropped, books.accepted, what);
  assert.equal(books.succeeded + books.failed + books.cancelled, books.accepted, what);
  // Some clients hung up and never heard that their task was accepted.
  assert.ok(books.accepted >= accepted, `${what}, of them ${accepted} answered`);
}

async function soak(): Promise<string[]> {
  console.log(`${minutes} minutes, seed ${seed}, ${CONNECTIONS} connections`);
  const server = new Child<ServerMessage>('server', [SAMPLE_MS], (message) => {
    if (message.type === 'sample') samples.push(message.sample);
  });
  let load: Child<LoadMessage> | undefined;
  const printing = setInterval(line, LINE_MS);
  try {
    const { port } = await server.message('listening', PATIENCE_MS);
    load = new Child('load', [port, CONNECTIONS, minutes * 60, seed], (message) => {
      totals = message.totals;
    });
    const loaded = load.message('done', minutes * 60_000 + PATIENCE_MS);
    const broken = server.message('drained', 2 ** 31 - 1); // if it ends now, it is too early
    const done = await Promise.race([loaded, broken]);
    assert.equal(done.type, 'done');
    clearInterval(printing);
    line();
    server.send({ type: 'drain' });
    const { books } = await broken;
    const seen = totals as unknown as Totals;
    console.log(`client: ${JSON.stringify(seen)}\nserver: ${JSON.stringify(books)}`);
    checkBooks(books, seen);
    assert.ok(seen.full > 0 && seen.cancelled > 0 && books.dropped > 0, 'Expected a fuller load');
    const found = complaints(samples, CONNECTIONS);
    const rss = quarters(samples, (sample) => sample.rss).map(megabytes);
    figure(
      `soak: ${minutes} min, ${seen.requests} requests, ${books.accepted} tasks all ended, ${seen.polled} statuses polled, ` +
        `${seen.full} × 503, ${samples.at(-1)?.restarts} worker restarts, ` +
        `RSS ${rss.join(' → ')}, ${found.length === 0 ? 'flat' : 'NOT FLAT'}`,
    );
    return found;
  } finally {
    clearInterval(printing);
    await Promise.all([server.kill(), load?.kill()]);
  }
}

const found = await soak();
console.log(found.length === 0 ? 'flat' : `NOT FLAT: ${found.join('; ')}`);
process.exitCode = found.length === 0 ? 0 : 1;
