/** The async tasks that run now: up to `concurrency` of them overlap. */
export class Overlap {
  readonly #limit: number;
  readonly #running = new Set<Promise<void>>();
  #ended = () => {};

  constructor(limit: number) {
    this.#limit = limit;
  }

  get size(): number {
    return this.#running.size;
  }

  /** Takes a running task in, and waits while there are as many as may be. */
  async add(run: Promise<void>): Promise<void> {
    if (this.#limit === 1) return run;
    this.#running.add(run);
    void run.then(() => {
      this.#running.delete(run);
      this.#ended();
    });
    if (this.#running.size < this.#limit) return;
    // Not Promise.race: each call would leave a reaction behind with a task that runs for long.
    await new Promise<void>((resolve) => {
      this.#ended = resolve;
    });
  }

  /** Waits until all have ended. */
  async end(): Promise<void> {
    await Promise.all(this.#running);
  }
}
