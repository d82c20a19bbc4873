/** What one enqueue costs the thread that does it, and how soon the task starts and ends. In µs. */
import { own } from '../programs.js';
import type { Question, Shown } from '../question.js';
import { RUN_TASK } from './throughput.js';

export const NOTIFY = 'a bare thread in `Atomics.wait`';
export const STARTED = `${RUN_TASK}, idle`;
const P99: Shown = { head: 'p99', key: 'p99' };
const START = own('start');
const FORMS = ['trySend', 'send', 'blockingSend', 'runTask', 'postMessage'];

export const latency: readonly Question[] = [
  {
    id: 'start',
    first: true,
    rows: [
      { name: NOTIFY, program: START, setup: { load: 'bare' } },
      { name: STARTED, program: START, setup: { load: 'idle' } },
      { name: `${RUN_TASK}, 8 in flight`, program: START, setup: { load: 'busy' } },
    ],
    settings: [{ name: '' }],
    shown: [
      { head: 'to the start, p50', key: 'p50' },
      P99,
      { head: '× a bare notify-and-wake', key: 'p50', against: NOTIFY },
      { head: 'to `finished()`, p50', key: 'finishedP50' },
      { head: 'p99', key: 'finishedP99' },
    ],
  },
  {
    id: 'enqueue',
    rows: FORMS.map((form) => ({ name: `\`${form}\``, program: own('enqueue'), setup: { form } })),
    settings: ['awake', 'paced', 'asleep', 'full'].map((mode) => ({ name: mode, setup: { mode } })),
    shown: [{ head: 'p50', key: 'p50' }, P99],
  },
];
