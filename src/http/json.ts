/**
 * Values as a person reads them over HTTP. JSON has no word for much of what crosses threads:
 *
 *   value                                      | in JSON
 *   -------------------------------------------|-------------------------------------------------------------
 *   string, boolean, null, finite number       | itself; -0 is 0
 *   undefined, NaN, Infinity, hole of an array | null
 *   bigint                                     | string of its digits
 *   Date                                       | string in ISO 8601, UTC; null if it is invalid
 *   RegExp                                     | string, as in source code
 *   array, Set                                 | array
 *   Map                                        | array of [key, value]
 *   Buffer, Uint8Array, ArrayBuffer, DataView  | string in base64
 *   other typed arrays                         | array of their elements
 *   Error                                      | { name, message }, and code, cause and errors if it has them
 *   other object                               | object of its own properties
 *
 * at any depth. No stack gets out: not an error's own, nor one in the text of an error or in a property named `stack`.
 */

export type Json = null | boolean | number | string | Json[] | { [key: string]: Json };

/** `inError`: the value belongs to an error, so a stack may stand in any of its strings. */
export function toJson(value: unknown, inError = false): Json {
  switch (typeof value) {
    case 'boolean':
      return value;
    case 'string':
      return inError ? withoutStack(value) : value;
    case 'number':
      return Number.isFinite(value) ? value : null;
    case 'bigint':
      return String(value);
    case 'object':
      return value === null ? null : objectToJson(value, inError);
    default:
      return null;
  }
}

function objectToJson(value: object, inError: boolean): Json {
  const each = (item: unknown) => toJson(item, inError);
  if (value instanceof Error) return errorToJson(value);
  if (value instanceof Date) return Number.isNaN(value.getTime()) ? null : value.toISOString();
  if (value instanceof RegExp) return String(value);
  if (value instanceof Map) return Array.from(value, ([key, item]) => [each(key), each(item)]);
  if (value instanceof Set || Array.isArray(value)) return Array.from(value as Iterable<unknown>, each);
  if (value instanceof ArrayBuffer) return Buffer.from(value).toString('base64');
  if (ArrayBuffer.isView(value)) return viewToJson(value);
  const shown = Object.entries(value).filter(([key, item]) => !(key === 'stack' && isStack(item)));
  return Object.fromEntries(shown.map(([key, item]) => [key, each(item)]));
}

function viewToJson(view: ArrayBufferView): Json {
  if (view instanceof Uint8Array || view instanceof DataView) {
    return Buffer.from(view.buffer, view.byteOffset, view.byteLength).toString('base64');
  }
  return Array.from(view as ArrayBufferView & Iterable<number | bigint>, (item) => toJson(item));
}

function errorToJson(error: Error & { code?: unknown; errors?: unknown }): Json {
  const shown: Record<string, Json> = {
    name: toJson(String(error.name), true),
    message: toJson(String(error.message), true),
  };
  for (const key of ['code', 'cause', 'errors'] as const) {
    if (error[key] !== undefined) shown[key] = toJson(error[key], true);
  }
  return shown;
}

// ── Stacks ─────────────────────────────────────────────────────────────────────────────────────────────────────────

/**
 * A frame: `at`, perhaps the name of a function, and a place in a file, or a word for one. It may also follow on the same
 * line, or a line break that is escaped, as in JSON. A time of day, `at 2030-01-01T10:30:00`, is no place.
 */
const FRAME =
  /(?:^|\s|\\n)\s*at (?:async )?(?:(?:[^()\n]+ )?\((?:.*:\d+:\d+|<anonymous>|native|index \d+)\)|[^\s()]*[^\s\d]:\d+:\d+)/m;

function isStack(value: unknown): boolean {
  return typeof value === 'string' && FRAME.test(value);
}

/** What stands before the first frame. */
function withoutStack(text: string): string {
  const frame = FRAME.exec(text);
  return frame === null ? text : text.slice(0, frame.index).trimEnd();
}
