/** What can happen next. */
import type { Thread } from './loop.js';
import type { Choice } from './machine.js';
import type { World } from './world.js';

/** The choices of each thread, made once. */
export class Choices {
  readonly world: World;
  readonly #run: Choice[];
  readonly #kill: Choice[];
  readonly #timeout: Choice[];
  readonly #mortal: boolean[];

  constructor(world: World) {
    this.world = world;
    const { threads } = world.machine;
    const choices = (kind: Choice['kind']): Choice[] => threads.map((thread) => ({ kind, thread }));
    this.#run = choices('run');
    this.#kill = choices('kill');
    this.#timeout = choices('timeout');
    this.#mortal = Object.keys(world.scenario.threads).map(
      (name) => world.scenario.mortal?.includes(name) ?? false,
    );
  }

  run(thread: Thread): Choice {
    return this.#run[thread.index] as Choice;
  }

  /**
   * What can happen now, in the order of exploration. Another thread may only go on if `preempts` or the current one cannot.
   * When nobody can go on, time passes free of charge.
   */
  list(current: Thread | undefined, preempts: boolean, kills: boolean, timeouts: boolean): Choice[] {
    const { machine } = this.world;
    const { threads } = machine;
    const list: Choice[] = [];
    if (current !== undefined) list.push(this.run(current));
    let rest = current === undefined;
    if (current === undefined || preempts) {
      for (const thread of threads) {
        if (thread === current || !thread.past.at.runnable) continue;
        list.push(this.run(thread));
        rest = false;
      }
    }
    if (timeouts || rest)
      for (const thread of threads)
        if (machine.expires(thread)) list.push(this.#timeout[thread.index] as Choice);
    for (const thread of threads) {
      const mayDie = machine.isDoomed(thread) || (kills && this.#mortal[thread.index] === true);
      if (mayDie && this.#isThere(thread, current)) list.push(this.#kill[thread.index] as Choice);
    }
    return list;
  }

  /** It lives, and is about to make a call, or no thread is. */
  #isThere(thread: Thread, current: Thread | undefined): boolean {
    return !thread.killed && (thread === current || (current === undefined && !thread.finished));
  }
}
