/** Two servers and three workers, each of which is replaced when it was killed. */
import { setTimeout as sleep } from 'node:timers/promises';
import { Program } from './program.js';
import type { RedisServer } from './redis.js';

const SERVER = new URL('../fixtures/server.js', import.meta.url);
const LOCK_MS = '2000';

type Server = Awaited<ReturnType<typeof Program.server>>;
type Environment = Readonly<Record<string, string>>;

export class Crew {
  readonly killed = { workers: 0, servers: 0, redis: 0 };
  readonly #env: Environment;
  readonly #redis: RedisServer;
  readonly #servers: Server[] = [];
  readonly #workers: Program[] = [];
  #state: number;

  private constructor(env: Environment, redis: RedisServer, seed: number) {
    this.#env = { ...env, LOCK_MS, THREADS: '2', CAPACITY: '64' };
    this.#redis = redis;
    this.#state = seed | 0;
  }

  static async start(env: Environment, redis: RedisServer, seed: number): Promise<Crew> {
    const crew = new Crew(env, redis, seed);
    for (let n = 0; n < 2; n++) crew.#servers.push(await crew.#server());
    for (let n = 0; n < 3; n++) crew.#workers.push(await crew.#worker());
    return crew;
  }

  /** Of one of the servers. */
  get origin(): string {
    return this.#servers[this.random(this.#servers.length)]?.origin ?? '';
  }

  /** A number from 0 up to (without) `bound`: mulberry32. */
  random(bound: number): number {
    this.#state = (this.#state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(this.#state ^ (this.#state >>> 15), 1 | this.#state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return Math.floor((((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32) * bound);
  }

  /** Kills a worker, a server or Redis, and starts it again. */
  async killOne(): Promise<void> {
    const dice = this.random(10);
    if (dice < 5) await this.#replace(this.#workers, () => this.#worker(), 'workers');
    else if (dice < 8) await this.#replace(this.#servers, () => this.#server(), 'servers');
    else {
      this.killed.redis++;
      await this.#redis.kill();
      await sleep(this.random(500));
      await this.#redis.start();
    }
  }

  async end(): Promise<void> {
    await Promise.all([...this.#servers, ...this.#workers].map((each) => each.end()));
  }

  async #replace<P extends Program>(
    programs: P[],
    start: () => Promise<P>,
    what: 'workers' | 'servers',
  ): Promise<void> {
    const at = this.random(programs.length);
    this.killed[what]++;
    await programs[at]?.end('SIGKILL');
    programs[at] = await start();
  }

  #server(): Promise<Server> {
    return Program.server(this.#env, SERVER);
  }

  #worker(): Promise<Program> {
    return Program.worker(this.#env);
  }
}
