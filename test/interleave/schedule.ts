/** A schedule in words, and back. */
import { Choices } from './choices.js';
import type { World } from './world.js';

const SIGNS = { run: '', kill: '!', timeout: '~' } as const;

/** `a12 b3 a! b~4`: a runs for 12 calls, b for 3, a is killed, b's timer or timed wait ends and it runs for 4. */
export function scheduleOf({ machine }: World): string {
  return machine.segments
    .map(({ choice: { kind, thread }, calls }) => thread.name + SIGNS[kind] + calls)
    .join(' ');
}

/** Repeats a schedule; what it leaves open goes on without preemptions. */
export function replay(world: World, schedule: string): string | undefined {
  const choices = schedule
    .split(/\s+/)
    .filter(Boolean)
    .map((text) => {
      const [, name = '', sign = '', calls = ''] = /^([a-z]+)([!~]?)(\d+)$/.exec(text) ?? [];
      const kind = (['run', 'kill', 'timeout'] as const).find((known) => SIGNS[known] === sign) ?? 'run';
      return { choice: { kind, thread: world.thread(name) }, calls: Number(calls) };
    });
  const fallback = new Choices(world);
  let at = -1;
  return world.run((current) => {
    const calls = world.machine.segments.at(-1)?.calls ?? 0;
    if (current !== undefined && (at >= choices.length || calls < (choices[at]?.calls ?? 0)))
      return fallback.run(current);
    at += 1;
    return choices[at]?.choice ?? fallback.list(current, false, false, false)[0];
  });
}
