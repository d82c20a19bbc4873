/**
 * This checkout against another one: the same contestants load the library of one and of the other, alternately. They
 * use only what both have in common.
 */
import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { ONE_CORE } from './conditions.js';
import { own } from './programs.js';
import type { Question, Row } from './question.js';

const TYPICAL = { producers: 1, capacity: 32, payload: 'string' };
const ROWS: readonly Row[] = [
  { name: 'channel', program: own('channel'), count: 5e5 },
  { name: 'channel, 4 senders', program: own('channel'), count: 1e5, setup: { producers: 4 } },
  { name: '`await runTask`', program: own('runtask'), count: 3e5 },
  { name: '`blockingRunTask`', program: own('runtask'), count: 3e5, setup: { blocking: true } },
  { name: '`await runTask`, first 10,000', program: own('runtask'), setup: { count: 10_000, warmUp: 1 } },
];

/** One question for each row. Shown is how many times this checkout is the other: above 1 it is faster. */
export function comparison(other: string): Question[] {
  const library = resolve(other, 'dist/index.js');
  if (!existsSync(library)) throw new Error(`Expected ${library} to exist: build it first`);
  return ROWS.map((row) => ({
    id: row.name,
    first: true,
    rows: [row, { ...row, name: 'the other', setup: { ...row.setup, library: pathToFileURL(library).href } }],
    settings: [
      { name: 'two cores', setup: TYPICAL },
      { name: 'one core', setup: TYPICAL, condition: ONE_CORE },
    ],
    shown: [
      { head: 'million/s', key: 'perSecond', unit: 1e6 },
      { head: '× the other', key: 'perSecond', against: 'the other' },
    ],
  }));
}
