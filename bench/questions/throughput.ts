/** How many tasks a second: a capacity of 32, one producer, a short string; under conditions; with one thing changed. */
import { BUSY, type Condition, ONE_CORE, QUARTER } from '../conditions.js';
import { own, peer, rust } from '../programs.js';
import type { Question, Row, Setting, Shown } from '../question.js';

export const CHANNEL = 'async-tasks: channel alone';
export const RUN_TASK = 'async-tasks: `await runTask`';
export const BLOCKING = 'async-tasks: `blockingRunTask`';
export const POST_MESSAGE = '`postMessage` with an answer';
export const CROSSBEAM = 'Rust: crossbeam `bounded(32)`';
export const TOKIO = 'Rust: tokio `mpsc(32)`';
export const PISCINA = 'piscina';
const STD = 'Rust: std `sync_channel(32)`';

const setup = { producers: 1, capacity: 32, payload: 'string' };

/** The counts: what takes each program a third of a second or so. */
const NODE: readonly Row[] = [
  { name: CHANNEL, program: own('channel'), count: 1e6 },
  { name: RUN_TASK, program: own('runtask'), count: 5e5 },
  { name: BLOCKING, program: own('runtask'), count: 5e5, setup: { blocking: true } },
  { name: POST_MESSAGE, program: own('postmessage'), count: 1e5 },
  { name: PISCINA, program: peer('pools', 'piscina'), count: 2e4 },
];
const FEW: readonly Row[] = [
  ...NODE.slice(0, 3),
  { name: CROSSBEAM, program: rust('crossbeam'), count: 1e6 },
  { name: STD, program: rust('std'), count: 1e6 },
  { name: TOKIO, program: rust('tokio'), count: 6e5 },
  ...NODE.slice(3),
];
const ALL: readonly Row[] = [
  ...FEW,
  { name: 'tinypool', program: peer('pools', 'tinypool'), count: 2e4 },
  { name: 'poolifier', program: peer('pools', 'poolifier'), count: 2e4 },
  { name: 'workerpool', program: peer('pools', 'workerpool'), count: 1e4 },
  { name: 'multithreading', program: peer('multithreading'), count: 3e4 },
  { name: 'fastq (same thread)', program: peer('pools', 'fastq'), count: 5e5 },
  { name: 'Rust: the template as written', program: rust('template'), count: 3e4 },
];
const MILLIONS: Shown = { head: 'million tasks/s', key: 'perSecond', unit: 1e6 };
const RATIO: Shown = { head: '× `postMessage`', key: 'perSecond', against: POST_MESSAGE };
export const MICROSECONDS: Shown = { head: 'µs of processor time', key: 'cpu' };

/** One setting for each value of one thing. What is slower gets a smaller share of the tasks. */
function sweep(field: string, shares: Readonly<Record<string, number>>): Setting[] {
  return Object.entries(shares).map(([value, share]) => {
    return { name: `${field} ${value}`, setup: { ...setup, [field]: Number(value) || value }, share };
  });
}

function under(name: string, condition: Condition, share: number): Setting {
  return { name, condition, setup, share };
}

/** The first tasks of a fresh process; its thread is up, and has run one. */
const FIRST = [1000, 10_000].flatMap((count): Setting[] => [
  { name: `first ${count}, two cores`, setup: { ...setup, count, warmUp: 1 } },
  { name: `first ${count}, one core`, setup: { ...setup, count, warmUp: 1 }, condition: ONE_CORE },
]);
const CONDITIONS = [
  under('one core', ONE_CORE, 0.5),
  under('busy neighbours', BUSY, 0.5),
  under('a quarter of a processor', QUARTER, 0.1),
];
const PRODUCERS = sweep('producers', { 1: 0.4, 4: 0.1 });
const PAYLOADS = sweep('payload', { number: 0.3, string: 0.3, object: 0.3, '1KiB': 0.2, '32KiB': 0.02 });
const CAPACITIES = sweep('capacity', { 1: 0.05, 4: 0.2, 32: 0.3, 256: 0.3, 4096: 0.3 });

const SWEPT = FEW.filter(({ name }) => [CHANNEL, RUN_TASK, POST_MESSAGE].includes(name));
const SENDERS = FEW.filter(({ name }) => [CHANNEL, CROSSBEAM, STD, TOKIO].includes(name));

export const throughput: readonly Question[] = [
  { id: 'throughput', first: true, rows: ALL, settings: [{ name: '', setup }], shown: [MILLIONS, RATIO] },
  { id: 'conditions', first: true, rows: FEW, settings: CONDITIONS, shown: [RATIO, MICROSECONDS] },
  { id: 'cold', first: true, rows: NODE, settings: FIRST, shown: [RATIO] },
  { id: 'producers', rows: SENDERS, settings: PRODUCERS, shown: [MILLIONS] },
  { id: 'payload', rows: SWEPT, settings: PAYLOADS, shown: [MILLIONS] },
  { id: 'capacity', rows: SWEPT, settings: CAPACITIES, shown: [MILLIONS] },
];
