/**
 * Values as `JSON.stringify` shows them, and where JSON has no word for them: undefined, NaN, Infinity and an invalid Date
 * as null; bigint and RegExp as a string; bytes (Buffer, Uint8Array, ArrayBuffer, DataView) as a string in base64; a Set
 * and other typed arrays as an array; a Map as an array of [key, value]; an Error as { name, message }, with its code,
 * cause and errors, and with `leftOut`: what of it could not cross to this thread. What contains itself, or lies too
 * deep, is "[cut]". No stack gets out: not an error's own, nor one in a text of an error or in a property named `stack`.
 */

const MAX_DEPTH = 500;

/** `inError`: the value belongs to an error, so a stack may stand in any of its strings. `above`: the objects it is in. */
export function toJson(value: unknown, inError = false, above: readonly object[] = []): unknown {
  if (typeof value === 'string') return inError ? withoutStack(value) : value;
  if (typeof value === 'bigint' || value instanceof RegExp) return String(value);
  if (typeof value !== 'object' || value === null) return value ?? null;
  if (value instanceof Date) return Number.isNaN(value.getTime()) ? null : value.toISOString();
  if (value instanceof ArrayBuffer) return Buffer.from(value).toString('base64');
  if (value instanceof Uint8Array || value instanceof DataView)
    return Buffer.from(value.buffer, value.byteOffset, value.byteLength).toString('base64');
  if (above.length > MAX_DEPTH || above.includes(value)) return '[cut]';
  const path = [...above, value];
  const inner = (each: unknown) => toJson(each, inError || value instanceof Error, path);
  if (Symbol.iterator in value) return Array.from(value as Iterable<unknown>, inner);
  const entries = Object.entries(value instanceof Error ? partsOf(value) : value);
  const shown = entries.filter(
    ([key, each]) => key !== 'stack' || typeof each !== 'string' || !FRAME.test(each),
  );
  return Object.fromEntries(shown.map(([key, each]) => [key, inner(each)]));
}

function partsOf(error: Error & { code?: unknown; errors?: unknown }): object {
  const { name, message, code, cause, errors, stack } = error;
  const leftOut = /\n {4}\[left out: (.*)\]$/.exec(String(stack))?.[1];
  const parts = Object.entries({ code, cause, errors, leftOut }).filter(([, part]) => part !== undefined);
  return { name: String(name), message: String(message), ...Object.fromEntries(parts) };
}

/**
 * `at`, perhaps a function, and a place in a file or a word for one: at the begin of a line, after a space, or after a line
 * break that is escaped. `at 2030-01-01T10:30:00` is no place. Lengths are bounded, so that no text takes long.
 */
const FRAME =
  /(?:^|\s|\\n)at (?:async )?(?:(?:[^()\n]{1,200} )?\((?:.{0,1000}:\d+:\d+|<anonymous>|native|index \d+)\)|[^\s()]{0,1000}[^\s\d]:\d+:\d+)/m;

/** The text before the first frame, and the mark of a text that was cut. */
function withoutStack(text: string): string {
  const frame = FRAME.exec(text);
  if (frame === null) return text;
  const mark = /… \[cut: \d+ characters\]$/.exec(text)?.[0] ?? '';
  return text.slice(0, frame.index).trimEnd().replace(/\\n$/, '') + mark;
}
