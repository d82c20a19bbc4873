/**
 * Tasks as jobs of BullMQ, and jobs as records. Values cross as the core's codec writes them, in base64, for a job is
 * JSON. A job's name is `<kind> <name of the function>`, as dashboards show it.
 *
 * Beside BullMQ's fields, a job's hash has those of this example:
 *
 *   stop     1 once somebody asked the task to stop
 *   state    failed or cancelled, once it has ended so; with it:
 *   outcome  what it threw, described by the core
 *
 * A job that failed without a `state` was not ended by its worker: that one is gone.
 */
import {
  Decoder,
  describeThrown,
  type Encoder,
  restoreThrown,
  type Task,
  type TaskRecord,
  type Thrown,
  WorkerCrashedError,
} from './core.js';

export const FIELDS = [
  ...['name', 'timestamp', 'processedOn', 'finishedOn', 'returnvalue', 'failedReason', 'progress'],
  ...['stop', 'state', 'outcome'],
] as const;
export type Fields = Partial<Record<(typeof FIELDS)[number], string>>;

/** @throws NotSendableError, TaskTooLargeError */
export function toText(value: unknown, encoder: Encoder): string {
  const size = encoder.encode(value);
  return Buffer.from(encoder.bytes.buffer, 0, size).toString('base64');
}

export function thrownToText(thrown: unknown, encoder: Encoder): string {
  return toText(describeThrown(thrown, encoder.bytes.length), encoder);
}

/** @throws CorruptMessageError */
export function fromText(text: string): unknown {
  const bytes = Buffer.from(text, 'base64');
  const decoder = new Decoder(Math.max(bytes.length, 1));
  decoder.bytes.set(bytes);
  return decoder.decode(bytes.length);
}

export function jobNameOf({ kind, name }: Task): string {
  return `${kind} ${name}`;
}

/** The kind of a task and the name of its function, as the job's name has them. */
export function partsOf(jobName: string): [kind: 'sync' | 'async', name: string] {
  const space = jobName.indexOf(' ');
  return [jobName.startsWith('async') ? 'async' : 'sync', jobName.slice(space + 1)];
}

/** What Redis answers to a question for {@link FIELDS}. */
export function fieldsOf(answer: readonly (string | null)[]): Fields {
  return Object.fromEntries(FIELDS.map((field, at) => [field, answer[at] ?? undefined]));
}

/** What the fields of a job say. `timeouts`: of tasks, by name. */
export function recordOf(key: string, fields: Fields, timeouts: ReadonlyMap<string, number>): TaskRecord {
  const [kind, name] = partsOf(fields.name ?? '');
  const timeout = timeouts.get(name) ?? 0;
  // The clocks of several machines: never out of order.
  const enqueued = Number(fields.timestamp);
  const started = timeOf(fields.processedOn, enqueued);
  const { state, outcome } = endOf(fields);
  return {
    id: Number.parseInt(key, 10),
    name,
    kind,
    state,
    requestId: undefined, // it stays with the server's log
    cancelRequested: fields.stop !== undefined,
    progress: state === 'succeeded' ? 1 : numberOf(fields.progress),
    enqueued,
    started,
    finished: timeOf(fields.finishedOn, started ?? enqueued),
    deadline: started !== undefined && timeout > 0 ? started + timeout : undefined,
    outcome,
  };
}

function numberOf(text: string | undefined): number | undefined {
  return text === undefined ? undefined : Number(text);
}

function timeOf(text: string | undefined, earliest: number): number | undefined {
  return text === undefined ? undefined : Math.max(Number(text), earliest);
}

function endOf(fields: Fields): Pick<TaskRecord, 'state' | 'outcome'> {
  const { processedOn, finishedOn, returnvalue = 'null', failedReason, state, outcome } = fields;
  if (finishedOn === undefined) {
    return { state: processedOn === undefined ? 'queued' : 'running', outcome: undefined };
  }
  if (state === 'cancelled' || state === 'failed') {
    const thrown = outcome === undefined ? undefined : restoreThrown(fromText(outcome) as Thrown);
    return { state, outcome: thrown };
  }
  if (failedReason !== undefined) {
    return { state: 'failed', outcome: new WorkerCrashedError(lost(failedReason)) };
  }
  const result: string | null = JSON.parse(returnvalue);
  return { state: 'succeeded', outcome: result === null ? undefined : fromText(result) };
}

function lost(reason: string): Error {
  const error = new Error(`its process was lost, or could not reach Redis for too long (${reason})`);
  error.stack = `Error: ${error.message}`;
  return error;
}
