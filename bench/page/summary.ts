/** The answer in ten rows: how fast, against what. */
import { NOTIFY, STARTED } from '../questions/latency.js';
import { ENQUEUE, HELLO, SERVER } from '../questions/server.js';
import {
  BLOCKING,
  CHANNEL,
  CROSSBEAM,
  PISCINA,
  POST_MESSAGE,
  RUN_TASK,
  TOKIO,
} from '../questions/throughput.js';
import { type Column, cell, markdown, type Pick, pick } from './tables.js';

const times = (id: string, key: string, own: string, rival: string, where = '') =>
  pick(id, key, own + where, rival + where);
const rate = (own: string, rival: string, id = 'throughput', where = '') =>
  times(id, 'perSecond', own, rival, where);
const OWN = [CHANNEL, RUN_TASK, BLOCKING];
const CORES = [', two cores', ', one core'];

/** Several figures of a row have a slash between them. */
const ROWS: readonly (readonly [label: string, ...Pick[]])[] = [
  [
    '`await runTask`, million tasks a second: two cores / one core',
    pick('throughput', 'perSecond', RUN_TASK, undefined, 1e6),
    pick('conditions', 'perSecond', `${RUN_TASK}, one core`, undefined, 1e6),
  ],
  [
    'two cores, × `postMessage`: channel / `await runTask` / `blockingRunTask`',
    ...OWN.map((own) => rate(own, POST_MESSAGE)),
  ],
  [
    'two cores, `await runTask` × crossbeam / tokio / piscina',
    ...[CROSSBEAM, TOKIO, PISCINA].map((rival) => rate(RUN_TASK, rival)),
  ],
  [
    'one core, × `postMessage`: channel / `await runTask` / `blockingRunTask`',
    ...OWN.map((own) => rate(own, POST_MESSAGE, 'conditions', ', one core')),
  ],
  [
    '`await runTask` × `postMessage`: busy neighbours / a quarter of a processor',
    rate(RUN_TASK, POST_MESSAGE, 'conditions', ', busy neighbours'),
    rate(RUN_TASK, POST_MESSAGE, 'conditions', ', a quarter of a processor'),
  ],
  [
    'first 10,000 tasks, `await runTask` × `postMessage`: two cores / one core',
    ...CORES.map((where) => rate(RUN_TASK, POST_MESSAGE, 'cold', `, first 10000${where}`)),
  ],
  [
    'processor time of a task at 100 a second, × `postMessage` / piscina',
    ...[POST_MESSAGE, PISCINA].map((rival) => times('rate', 'cpu', RUN_TASK, rival, ', 100 a second')),
  ],
  [
    'processor time of an enqueueing request, × `GET /`: two cores / one core',
    ...CORES.map((where) => times('http', 'cpu', ENQUEUE, HELLO, where)),
  ],
  [
    'idle runtime, enqueue to start: µs / × a bare notify-and-wake',
    pick('start', 'p50', STARTED),
    pick('start', 'p50', STARTED, NOTIFY),
  ],
  [
    'idle server after work: % of a processor / wake-ups a second',
    ...['percent', 'wakeUps'].map((key) => pick('idle', key, SERVER)),
  ],
];

const answer = (picks: readonly Pick[], column: Column) =>
  picks.map((each) => cell(each, column)).join(' / ');

export function summaryTable(columns: readonly Column[]): string {
  const rows = ROWS.map(([label, ...picks]) => [label, ...columns.map((column) => answer(picks, column))]);
  return markdown(['', ...columns.map(({ title }) => title)], rows);
}

/** Ten lines for a terminal. */
export function summaryLines(column: Column): string {
  const lines = ROWS.map(([label, ...picks]) => [
    label.replaceAll('`', '').padEnd(75),
    answer(picks, column),
  ]);
  return lines.map((line) => line.join(' ')).join('\n');
}
