/**
 * What the log says of a task that has not succeeded. Whatever the task threw, and whatever it did to the console,
 * nothing here throws. Of an error the log shows name, code, message, stack and causes, and no other property: that may
 * hold what the task captured.
 */
import { withFields } from './fields.js';
import { describeThrown, restoreThrown } from './outcome.js';

export type Print = (line: string) => void;

export interface Failure {
  readonly id: number;
  readonly name: string;
  readonly state: 'failed' | 'cancelled';
  readonly error: unknown;
  readonly requestId?: string | undefined;
  /** How long it ran, in milliseconds. */
  readonly duration?: number | undefined;
}

/** `print`, which a task may have broken, as one that never throws. */
export function safely(print: Print): Print {
  return (line) => {
    try {
      print(line);
    } catch {
      // There is nobody to tell.
    }
  };
}

export function reportFailure(print: Print, failure: Failure): void {
  const { id, name, state, error, requestId, duration } = failure;
  const told = tell(restoreThrown(describeThrown(error)));
  const fields = { taskId: id, task: name, requestId, duration, error: told };
  withFields(fields, () => print(`task ${state}: ${name}, id ${id}\n${told.stack}`));
}

/** For machines. The stack is for people, too: it has all that the log says. */
function tell(thrown: unknown): Partial<Record<'name' | 'code' | 'message' | 'stack', string>> {
  if (!(thrown instanceof Error)) {
    const text = thrown instanceof Object ? 'a thrown object' : String(thrown);
    return { message: text, stack: text };
  }
  const { name, message, cause, code, errors }: Error & { code?: unknown; errors?: unknown } = thrown;
  const shown = code === undefined || code instanceof Object ? {} : { code: String(code) };
  // Before the frames the stack has name and message, as they were when the error was made.
  const frames = /\n {4}at [\s\S]*/.exec(thrown.stack ?? '')?.[0] ?? '';
  let stack = `${name}${shown.code === undefined ? '' : ` [${shown.code}]`}: ${message}${frames}`;
  for (const each of [cause, ...(Array.isArray(errors) ? errors : [])])
    if (each !== undefined) stack += `\ncaused by:\n${tell(each).stack}`;
  return { name, ...shown, message, stack };
}
