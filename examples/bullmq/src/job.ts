/**
 * Tasks as jobs of BullMQ, and jobs as records. Values cross as the core's codec writes them, in base64, for a job is
 * JSON. A job's name is `<kind> <name of the function>`: what dashboards show, and what a worker of a later version of
 * the tasks module finds its function by.
 *
 * Beside BullMQ's fields, a job's hash has those of this example:
 *
 *   stop     1 once somebody asked the task to stop
 *   state    failed or cancelled, once it has ended so; with it:
 *   outcome  what it threw
 *   omitted  the size of a result or error that was too large to keep
 *
 * A job that failed without a `state` was not ended by its worker: that one is gone.
 */
import { Decoder, Encoder, type Task, type TaskModule, type TaskRecord, WorkerCrashedError } from './core.js';

export const FIELDS = [
  ...['name', 'timestamp', 'processedOn', 'finishedOn', 'returnvalue', 'failedReason', 'progress'],
  ...['stop', 'state', 'outcome', 'omitted'],
] as const;
export type Fields = Partial<Record<(typeof FIELDS)[number], string>>;

const CLOSURE = 'closure';
/** What the ledger keeps of an outcome has at most 4 KiB. */
const OUTCOME_BYTES = 65_536;

export class Values {
  readonly #encoder: Encoder;
  readonly #decoder: Decoder;

  constructor(maxBytes: number = OUTCOME_BYTES) {
    this.#encoder = new Encoder(maxBytes);
    this.#decoder = new Decoder(maxBytes);
  }

  /** @throws NotSendableError, TaskTooLargeError */
  toText(value: unknown): string {
    const size = this.#encoder.encode(value);
    return Buffer.from(this.#encoder.bytes.buffer, 0, size).toString('base64');
  }

  /** @throws CorruptMessageError */
  fromText(text: string): unknown {
    const bytes = Buffer.from(text, 'base64');
    if (bytes.length <= this.#decoder.bytes.length) this.#decoder.bytes.set(bytes);
    return this.#decoder.decode(bytes.length);
  }
}

/** BullMQ takes no id that is a number. */
export function jobIdOf(id: number): string {
  return `task-${id}`;
}

export function jobNameOf({ kind, number }: Task, { names }: TaskModule): string {
  return `${kind} ${names[number] ?? CLOSURE}`;
}

/** The kind of a task and the name of its function, as the job's name has them. */
export function partsOf(jobName: string): [kind: 'sync' | 'async', name: string] {
  const space = jobName.indexOf(' ');
  return [jobName.startsWith('async') ? 'async' : 'sync', jobName.slice(space + 1)];
}

/** A record of the core, with the name of the function besides: the number it has here says nothing elsewhere. */
export interface JobRecord extends TaskRecord {
  readonly name: string;
}

/** What Redis answers to a question for {@link FIELDS}. */
export function fieldsOf(answer: readonly (string | null)[]): Fields {
  return Object.fromEntries(FIELDS.map((field, at) => [field, answer[at] ?? undefined]));
}

/** What the fields of a job say. `undefined`: there is no such job. */
export function recordOf(
  id: number,
  fields: Fields,
  module: TaskModule,
  values: Values,
): JobRecord | undefined {
  if (fields.name === undefined) return undefined;
  const [kind, name] = partsOf(fields.name);
  const fn = module.names.indexOf(name);
  const timeout = module.definitions[fn]?.timeout ?? 0;
  // The clocks of several machines: never out of order.
  const enqueued = Number(fields.timestamp);
  const started = timeOf(fields.processedOn, enqueued);
  const { state, outcome } = endOf(fields, values);
  return {
    id,
    fn,
    kind,
    name,
    state,
    cancelRequested: fields.stop !== undefined,
    progress: state === 'succeeded' ? 1 : numberOf(fields.progress),
    enqueued,
    started,
    finished: timeOf(fields.finishedOn, started ?? enqueued),
    requestId: undefined, // it stays with the server's log
    deadline: started !== undefined && timeout > 0 ? started + timeout : undefined,
    outcome,
    omittedBytes: numberOf(fields.omitted),
  };
}

function numberOf(text: string | undefined): number | undefined {
  return text === undefined ? undefined : Number(text);
}

function timeOf(text: string | undefined, earliest: number): number | undefined {
  return text === undefined ? undefined : Math.max(Number(text), earliest);
}

function endOf(fields: Fields, values: Values): Pick<TaskRecord, 'state' | 'outcome'> {
  const { processedOn, finishedOn, returnvalue, failedReason, state, outcome } = fields;
  if (finishedOn === undefined) {
    return { state: processedOn === undefined ? 'queued' : 'running', outcome: undefined };
  }
  const decoded = (text: string | null) => (text === null ? undefined : values.fromText(text));
  if (state === 'cancelled' || state === 'failed') return { state, outcome: decoded(outcome ?? null) };
  if (failedReason !== undefined) {
    return { state: 'failed', outcome: new WorkerCrashedError(lost(failedReason)) };
  }
  return { state: 'succeeded', outcome: decoded(JSON.parse(returnvalue ?? 'null')) };
}

function lost(reason: string): Error {
  const error = new Error(`its process was lost, or could not reach Redis for too long (${reason})`);
  error.stack = `Error: ${error.message}`;
  return error;
}
