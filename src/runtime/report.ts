/**
 * What the log says of tasks. Whatever a task throws, and whatever it does to the console, nothing here throws. Of an
 * error it shows name, code, message, stack and causes, and no other property: that may hold what the task captured.
 */
import { types } from 'node:util';
import { type Fields, fieldsInUse, withFields } from './fields.js';
import type { FinalState, TaskRecord } from './record.js';

export type Print = (line: string) => void;

/** Longer texts are cut: the output of a subprocess may be an error's message. */
const MAX_CHARS = 16_384;
/** So many causes of causes are shown, and so many of the errors in an AggregateError. */
const MAX_CAUSES = 4;

/** `print`, which a task may have broken, as one that never throws. */
export function safely(print: Print | undefined): Print {
  return (line) => {
    try {
      print?.(line);
    } catch {
      // There is nobody to tell.
    }
  };
}

/** A task that has not succeeded. */
export interface Failure {
  readonly id: number;
  /** Of its function. */
  readonly name: string;
  readonly state: FinalState;
  readonly error: unknown;
}

/** Prints that a task has not succeeded. `record`: its own, if there is one. */
export function reportFailure(print: Print, failure: Failure, record: TaskRecord | undefined): void {
  const { id, name, state, error } = failure;
  const fields = fieldsInUse() ? fieldsOfFailure(failure, record) : undefined;
  withFields(fields, () => print(`task ${state}: ${name}, id ${id}\n${textOf(error)}`));
}

function fieldsOfFailure({ id, name, error }: Failure, record: TaskRecord | undefined): Fields {
  const { requestId, started, finished } = record ?? {};
  return {
    taskId: id,
    task: name,
    requestId,
    duration: durationOf(started, finished),
    error: fieldsOfError(error),
  };
}

export function durationOf(started: number | undefined, finished: number | undefined): number | undefined {
  return started === undefined || finished === undefined ? undefined : finished - started;
}

/** What a task threw, with stack and causes. */
function textOf(thrown: unknown): string {
  const lines: string[] = [];
  collect(thrown, lines, MAX_CAUSES);
  const text = lines.join('\n');
  return text.length <= MAX_CHARS ? text : `${text.slice(0, MAX_CHARS)}… (${text.length} characters)`;
}

/** What a task threw, for machines. */
function fieldsOfError(thrown: unknown): Record<string, string> {
  if (!isError(thrown)) return { message: headOf(thrown) };
  const fields = ['name', 'code', 'message'].map((key) => [key, read(thrown, key)] as const);
  return { ...Object.fromEntries(fields.filter(([, text]) => text !== '')), stack: textOf(thrown) };
}

/** What a task threw, in a few words: name, code and message, or a primitive value. */
function headOf(thrown: unknown): string {
  if (!isError(thrown)) return Object(thrown) === thrown ? `a thrown ${typeof thrown}` : String(thrown);
  const [name, code, message] = [read(thrown, 'name'), read(thrown, 'code'), read(thrown, 'message')];
  const text = `${name || 'Error'}${code === '' ? '' : ` [${code}]`}: ${message}`;
  return text.length <= MAX_CHARS ? text : `${text.slice(0, MAX_CHARS)}…`;
}

function collect(thrown: unknown, lines: string[], depth: number): void {
  lines.push(headOf(thrown));
  if (!isError(thrown)) return;
  const stack = read(thrown, 'stack');
  const frames = stack.indexOf('\n    at '); // before them: name and message, as they were when it was made
  if (frames >= 0) lines.push(stack.slice(frames + 1));
  if (depth === 0) return;
  for (const cause of causesOf(thrown)) {
    lines.push('caused by:');
    collect(cause, lines, depth - 1);
  }
}

/** The cause of an error, and the errors of an AggregateError. */
function causesOf(error: object): unknown[] {
  try {
    const { cause, errors } = error as { cause?: unknown; errors?: unknown };
    const several = Array.isArray(errors) ? errors.slice(0, MAX_CAUSES) : [];
    return cause === undefined ? several : [cause, ...several];
  } catch {
    return [];
  }
}

/** Also of another realm. A proxy may throw here. */
export function isError(thrown: unknown): thrown is object {
  try {
    return types.isNativeError(thrown) || thrown instanceof Error;
  } catch {
    return false;
  }
}

/** A property of an error as text; nothing if it is no string or number, or throws. */
function read(error: object, key: string): string {
  try {
    const value: unknown = Reflect.get(error, key);
    return typeof value === 'string' || typeof value === 'number' ? String(value) : '';
  } catch {
    return '';
  }
}
