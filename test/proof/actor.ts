/** What a thread of a scenario can do with the channel; each action tells the witness how it came out. */
import type { Receiver, Sender, SenderHandle } from '#channel';
import type { Audit } from './audit.js';
import type { Instance } from './realm.js';
import type { Seen, Thread } from './thread.js';
import { numberOf, type Refusal, type Witness } from './witness.js';
import type { Role, World } from './world.js';

export type How = 'async' | 'blocking';

const CODES: Readonly<Record<string, Refusal>> = {
  ERR_SEND_TIMEOUT: 'timeout',
  ERR_CHANNEL_CLOSED: 'closed',
  aborted: 'aborted',
};

export class Actor {
  readonly thread: Thread;
  readonly world: World;
  readonly modules: Instance;
  /** Told and asked by this thread's code. */
  readonly witness: Witness;
  readonly audit: Audit;
  /** Where its last message was sent. */
  position = 0;
  readonly #role: Role;
  #tx: Sender<unknown> | undefined;
  #rx: Receiver<unknown> | undefined;

  constructor(world: World, thread: Thread, modules: Instance, role: Role) {
    this.world = world;
    this.thread = thread;
    this.modules = modules;
    this.#role = role;
    this.witness = this.#asked(world.witness);
    this.audit = this.#asked(world.audit);
  }

  /** Each call of a method is something that the thread asks for. */
  #asked<T extends object>(checks: T): T {
    return new Proxy(checks, {
      get: (_, name) => {
        const method = Reflect.get(checks, name) as unknown as (...args: unknown[]) => Seen;
        return (...args: unknown[]) => this.thread.ask(() => method.apply(checks, args));
      },
    });
  }

  // ── The thread's code is run ───────────────────────────────────────────────────────────────────────────────────

  /** Before the run: nobody else goes on. */
  prepare(): void {
    this.modules.park.duties.clear(); // it is not the first time
    if (this.#role.has === 'sender')
      this.#tx = this.modules.sender.Sender.attach(this.#handleOf(this.thread));
    if (this.#role.has === 'receiver') this.attachReceiver();
  }

  main(): void {
    const { thread, world } = this;
    const done = (): undefined => thread.ask(() => world.machine.happens(thread, false));
    this.#role.runs(this).then(done).catch(thread.threw);
  }

  threw(error: unknown): undefined {
    const what = error instanceof Error ? error.stack : String(error);
    this.world.machine.fail(`thread ${this.thread.name} threw ${what}`);
  }

  /** What is done from now on is undone by the function that this returns. `undefined`: the run is over. */
  attempt(): (() => void) | undefined {
    const { machine } = this.world;
    if (machine.failure !== undefined) return undefined;
    const before = machine.snapshot();
    return () => machine.restore(before);
  }

  get sender(): Sender<unknown> {
    if (this.#tx === undefined) throw new TypeError('Expected a thread with a sender');
    return this.#tx;
  }

  get receiver(): Receiver<unknown> {
    if (this.#rx === undefined) throw new TypeError('Expected a thread with a receiver');
    return this.#rx;
  }

  /** The `n`th message of this thread. */
  message(n: number): number {
    return 10 * this.thread.index + n;
  }

  /** As it is sent: a number; or a text too long for a cell. */
  #value(message: number): unknown {
    return this.world.scenario.long ? String(message).padEnd(80, '.') : message;
  }

  // ── Sender ─────────────────────────────────────────────────────────────────────────────────────────────────────

  blockingSend(n: number, timeout = Number.POSITIVE_INFINITY): void {
    this.#sendNow(n, false, (value) => {
      this.sender.blockingSend(value, { timeout });
      return true;
    });
  }

  trySend(n: number): void {
    this.#sendNow(n, this.sender.waiting === 0, (value) => this.sender.trySend(value));
  }

  #sendNow(n: number, mustGo: boolean, send: (value: unknown) => boolean): void {
    const value = this.message(n);
    const mustFail = this.witness.sends(this.thread, value, mustGo);
    try {
      if (send(this.#value(value))) this.witness.admitted(value, mustFail);
      else this.witness.refused(value, 'full');
    } catch (error) {
      this.#failed(value, error);
    }
  }

  /** Starts a send. The promise is resolved when it has come back, whatever became of it. */
  send(n: number, options: { timeout?: number; signal?: AbortSignal } = {}, late = false): Promise<void> {
    const value = this.message(n);
    const mustFail = this.witness.sends(this.thread, value, false);
    const settled = this.sender.send(this.#value(value), options, this, late).then(
      () => this.witness.admitted(value, mustFail),
      (error) => this.#failed(value, error),
    );
    settled.catch(this.thread.threw);
    return settled;
  }

  sent(position: number): void {
    this.position = position;
  }

  #failed(value: number, error: unknown): void {
    const why = CODES[(error as { code?: string }).code ?? ''];
    if (why === undefined) throw error;
    this.witness.refused(value, why);
  }

  /** Takes its `n`th message back, which was sent at that position. */
  takeBack(n: number, position: number): boolean {
    const value = this.message(n);
    const won = this.sender.takeBack(position);
    this.witness.tookBack(value, won);
    return won;
  }

  /** Buries the sender that the thread of `name` had when the run began. */
  bury(name: string): void {
    this.sender.bury(this.#handleOf(this.world.thread(name)));
  }

  #handleOf({ index: seat }: Thread): SenderHandle<unknown> {
    return { kind: 'sender', memory: this.world.channel, seat, opening: 1 };
  }

  /** Goes on with another sender, made by this one. */
  share(): void {
    this.#tx = this.modules.sender.Sender.attach(this.sender.share());
  }

  // ── Others ─────────────────────────────────────────────────────────────────────────────────────────────────────

  /** Waits for what another thread says has happened. */
  after(what: string | Thread): Promise<Seen> {
    return this.world.machine.after(what, this.thread);
  }

  happens(what: string, value?: Seen): void {
    this.thread.ask(() => this.world.machine.happens(what, value));
  }

  /** Waits for the end of `name`; true if it was killed. */
  async outlives(name: string): Promise<boolean> {
    return (await this.after(this.world.thread(name))) === true;
  }

  // ── Receiver ───────────────────────────────────────────────────────────────────────────────────────────────────

  /** `more`: what else is done before a message is taken. */
  attachReceiver(more?: (position: number) => void): void {
    const { scenario, channel } = this.world;
    const handle = { kind: 'receiver', memory: channel } as const;
    const taking = (position: number): void => {
      more?.(position);
      this.witness.takes(position);
    };
    this.#rx = this.modules.receiver.Receiver.attach(handle, {
      taking,
      mayNap: scenario.naps ?? false,
    });
  }

  async recv(how: How): Promise<unknown> {
    this.witness.receives(this.thread, true);
    const value = how === 'async' ? await this.receiver.recv() : this.receiver.blockingRecv();
    this.witness.receives(this.thread, false);
    if (value === undefined) this.witness.ends();
    else this.#decoded(value);
    return value;
  }

  tryRecv(): unknown {
    const value = this.receiver.tryRecv();
    if (value !== undefined) this.#decoded(value);
    return value;
  }

  #decoded(message: unknown): void {
    this.witness.decodes(this.thread, numberOf(message));
  }

  /** Receives until the channel is closed and drained. */
  async drain(how: How): Promise<void> {
    while ((await this.recv(how)) !== undefined);
  }

  closeReceiver(): void {
    this.witness.tells('closing');
    this.receiver.close();
    this.witness.tells('closed');
  }

  /** Closes, and throws away what is left. */
  discard(): void {
    this.witness.tells('closing');
    this.receiver.discard((_, value) => this.#decoded(value));
    this.witness.tells('closed');
    this.witness.ends();
  }
}
