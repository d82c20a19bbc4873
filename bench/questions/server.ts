/** What a server pays: few tasks a second, requests, its start, and having nothing to do. */
import { existsSync } from 'node:fs';
import { ONE_CORE } from '../conditions.js';
import { own, PEERS_MISSING } from '../programs.js';
import type { Question, Row } from '../question.js';
import { MICROSECONDS, PISCINA, POST_MESSAGE, RUN_TASK } from './throughput.js';

export const HELLO = '`GET /`';
export const ENQUEUE = '`POST /start_sync_task`';
export const SERVER = '`node dist/server.js`';
const BARE_SERVER = 'a bare `node:http` server';

const RATE = own('rate');
const missing = existsSync('/proc/self/schedstat') ? undefined : 'there is no /proc/PID/schedstat here';
const PROGRAM = { ...own('server'), missing };

function asked(name: string, what: string, kind: string, request: string): Row {
  return { name, program: PROGRAM, setup: { what, kind, request } };
}

export const server: readonly Question[] = [
  {
    id: 'startup',
    first: true,
    rows: [asked(SERVER, 'startup', 'server', 'GET /'), asked(BARE_SERVER, 'startup', 'bare', 'GET /')],
    settings: [{ name: '' }],
    shown: [{ head: 'ms to the first answer', key: 'ms' }],
  },
  {
    id: 'rate',
    rows: [
      { name: 'on the same thread', program: RATE, setup: { way: 'inline' } },
      { name: POST_MESSAGE, program: RATE, setup: { way: 'postMessage' } },
      { name: RUN_TASK, program: RATE, setup: { way: 'runTask' } },
      { name: PISCINA, program: { ...RATE, missing: PEERS_MISSING }, setup: { way: 'piscina' } },
    ],
    settings: [10, 100, 1000].map((rate) => ({ name: `${rate} a second`, setup: { rate } })),
    shown: [MICROSECONDS, { head: 'MiB', key: 'mib' }],
  },
  {
    id: 'http',
    rows: [asked(HELLO, 'load', 'app', 'GET /'), asked(ENQUEUE, 'load', 'app', 'POST /start_sync_task')],
    settings: [{ name: 'two cores' }, { name: 'one core', condition: ONE_CORE }],
    shown: [
      { head: 'thousand/s', key: 'perSecond', unit: 1000 },
      { head: 'p99, ms', key: 'p99' },
      MICROSECONDS,
      { head: '× `GET /`', key: 'cpu', against: HELLO },
    ],
  },
  {
    id: 'idle',
    together: true,
    rows: [asked(SERVER, 'idle', 'server', 'POST /count_words'), asked(BARE_SERVER, 'idle', 'bare', 'GET /')],
    settings: [{ name: '' }],
    shown: [
      { head: '% of a processor', key: 'percent' },
      { head: 'wake-ups a second', key: 'wakeUps' },
    ],
  },
];
