/** All questions, in the order in which they are asked. */
import type { Question } from '../question.js';
import { latency } from './latency.js';
import { server } from './server.js';
import { throughput } from './throughput.js';

export const QUESTIONS: readonly Question[] = [...throughput, ...server, ...latency];

/** @throws RangeError for an id that is none */
export function chosen(only: string | undefined): readonly Question[] {
  const ids = only?.split(',') ?? QUESTIONS.map(({ id }) => id);
  const unknown = ids.find((id) => !QUESTIONS.some((question) => question.id === id));
  if (unknown === undefined) return QUESTIONS.filter(({ id }) => ids.includes(id));
  const known = QUESTIONS.map(({ id }) => id).join(', ');
  throw new RangeError(`Expected --only to name some of ${known}, got ${unknown}`);
}
