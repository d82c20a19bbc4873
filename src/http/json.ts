/**
 * Values as `JSON.stringify` shows them, and where JSON has no word for them: undefined, NaN, Infinity and an invalid Date
 * as null; bigint and RegExp as a string; bytes (Buffer, Uint8Array, ArrayBuffer, DataView) as a string in base64; a Set
 * and other typed arrays as an array; a Map as an array of [key, value]; an Error as { name, message }, with its code,
 * cause and errors, and with `leftOut`: what of it could not cross to this thread. An error's stack is not shown. A
 * value that contains itself, or lies too deep, is "[cut]".
 */

const MAX_DEPTH = 500;

/** `above`: the objects that the value is in. */
export function toJson(value: unknown, above: readonly object[] = []): unknown {
  if (typeof value === 'bigint' || value instanceof RegExp) return String(value);
  if (typeof value !== 'object' || value === null) return value ?? null;
  if (value instanceof Date) return value; // `JSON.stringify` knows it
  if (value instanceof ArrayBuffer) return Buffer.from(value).toString('base64');
  if (value instanceof Uint8Array || value instanceof DataView)
    return Buffer.from(value.buffer, value.byteOffset, value.byteLength).toString('base64');
  if (above.length > MAX_DEPTH || above.includes(value)) return '[cut]';
  const path = [...above, value];
  const inner = (each: unknown) => toJson(each, path);
  if (Symbol.iterator in value) return Array.from(value as Iterable<unknown>, inner);
  const entries = Object.entries(value instanceof Error ? partsOf(value) : value);
  return Object.fromEntries(entries.map(([key, each]) => [key, inner(each)]));
}

function partsOf(error: Error & { code?: unknown; errors?: unknown; leftOut?: unknown }): object {
  const { name, message, code, cause, errors, leftOut } = error;
  const parts = Object.entries({ code, cause, errors, leftOut }).filter(([, part]) => part !== undefined);
  return { name: String(name), message: String(message), ...Object.fromEntries(parts) };
}
