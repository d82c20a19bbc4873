/**
 * What the log says of a task that has not succeeded. Whatever the task threw, and whatever it did to the console,
 * nothing here throws. Of an error the log shows name, code, message, stack and causes, and no other property: that may
 * hold what the task captured.
 */
import { withFields } from './fields.js';
import { describeThrown, type Thrown } from './outcome.js';

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
  const told = tell(describeThrown(error));
  const fields = { taskId: id, task: name, requestId, duration, error: told.fields };
  withFields(fields, () => print(`task ${state}: ${name}, id ${id}\n${told.text}`));
}

/** What the log says of it, to people and to machines. */
function tell(thrown: Thrown): { readonly text: string; readonly fields: Record<string, string> } {
  if (!('stack' in thrown)) {
    const text = 'value' in thrown ? String(thrown.value) : 'a thrown object';
    return { text, fields: { message: text } };
  }
  const { name, message } = thrown;
  const { code, cause, errors }: Record<string, Thrown> = Object.fromEntries(thrown.fields);
  const shown = code !== undefined && 'value' in code ? { code: String(code.value) } : {};
  // Before the frames the stack has name and message, as they were when the error was made.
  const frames = /\n {4}at [\s\S]*/.exec(thrown.stack)?.[0] ?? '';
  let text = `${name}${shown.code === undefined ? '' : ` [${shown.code}]`}: ${message}${frames}`;
  const list = errors !== undefined && 'list' in errors ? errors.list : [];
  for (const each of cause === undefined ? list : [cause, ...list])
    text += `\ncaused by:\n${tell(each).text}`;
  return { text, fields: { name, ...shown, message, stack: text } };
}
