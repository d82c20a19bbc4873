/** The task of a number: the same in every run of a round, whichever producer sends it. */
import type { Task } from '#index';
import { tasks } from '../fixtures/runtime-tasks.js';
import { FIRST_WORD, randomTask } from '../support/random-task.js';
import { randomFrom } from '../support/wait.js';

const ENDLESS_ODDS = 100;

export function roundTask(roundSeed: number, number: number, endless: boolean): Task {
  const random = randomFrom(Math.imul(roundSeed + 1, 0x9e37_79b1) + number);
  const at = FIRST_WORD + number;
  if (endless && random(ENDLESS_ODDS) === 0) return random(2) === 0 ? tasks.hold(at) : tasks.holdAsync(at);
  return randomTask(random, at);
}
