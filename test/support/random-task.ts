/** Tasks of all kinds, at random: well-behaved ones, and such as end their thread or never return. */
import type { Task } from '#index';
import { tasks } from '../fixtures/runtime-tasks.js';
import type { Random } from './wait.js';

/** Task number n counts its runs in this word, plus n; the words before are for other uses. */
export const FIRST_WORD = 16;

/** One of many kinds of tasks; it counts its runs at word `at`. */
export function randomTask(random: Random, at: number): Task {
  const kind = random(1000);
  if (kind < 500) return tasks.count(at);
  if (kind < 650) return tasks.countLater(at, random(3));
  if (kind < 800) return tasks.countAndFail(at);
  if (kind < 815) return tasks.exit(at, random(256));
  if (kind < 820) return tasks.exitLater(at, random(10));
  if (kind < 825) return tasks.throwLater(at, random(2) === 0);
  if (kind < 845) return tasks.armExit(at, 1 + random(40), random(2) === 0);
  if (kind < 848) return tasks.spin(at);
  if (kind < 850) return tasks.spinAsync(at);
  if (kind < 855) return tasks.stuck(at, 1);
  if (kind < 858) return tasks.spinUntilCancelled(at);
  if (kind < 861) return tasks.waitUntilCancelled(at);
  return tasks.countLater(at, 0);
}
