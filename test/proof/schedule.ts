/** A schedule in words, and back. */
import { Choices } from './choices.js';
import type { World } from './world.js';

const SIGNS = { run: '', kill: '!', timeout: '~' } as const;

/** `a12 b3 a! b~4`: a runs for 12 calls, b for 3, a is killed, b's timer or timed wait ends and it runs for 4. */
export function scheduleOf({ machine }: World): string {
  const parts: { name: string; calls: number }[] = [];
  for (const { choice, goesOn, calls } of machine.taken) {
    const last = parts.at(-1);
    if (goesOn && last !== undefined) last.calls += calls;
    else parts.push({ name: choice.thread.name + SIGNS[choice.kind], calls });
  }
  return parts.map(({ name, calls }) => name + calls).join(' ');
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
  let calls = 0;
  return world.run((current) => {
    calls += world.machine.taken.at(-1)?.calls ?? 0;
    if (current !== undefined && (at >= choices.length || calls < (choices[at]?.calls ?? 0)))
      return fallback.run(current);
    at += 1;
    calls = 0;
    return choices[at]?.choice ?? fallback.list(current, false, false, false)[0];
  });
}
