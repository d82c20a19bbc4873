/**
 * What a task threw, as a plain value that any codec can carry, and back. Nothing that a task throws makes this throw:
 * every property is read under guard, and a getter that throws costs only its own piece.
 *
 * An error keeps its nearest built-in class, name, message, stack, code, cause, errors and own enumerable fields. A text
 * is cut to a 32nd of `maxBytes`, 2,048 characters by default; a stack has twice as many, and an object four times as many
 * bytes. At most 4 levels of errors are kept, 8 entries of `errors`, and 32 errors in all. The field `leftOut` names
 * everything else. An error that is still larger than `maxBytes` keeps its texts alone, shorter ones.
 */
import { types } from 'node:util';
import { deserialize, serialize } from 'node:v8';

const MAX_DEPTH = 4;
const MAX_LIST = 8;
const MAX_ERRORS = 32;
const BUILT_IN = [AggregateError, RangeError, TypeError, SyntaxError, ReferenceError, EvalError, URIError];
const TEXTS = ['name', 'message', 'stack'];

export interface ThrownError {
  /** The built-in class from which the error is made again. */
  readonly type: string;
  readonly name: string;
  readonly message: string;
  readonly stack: string;
  readonly fields: readonly (readonly [key: string, value: Thrown])[];
}

/** An error, the `errors` of one, an object as `node:v8` serializes it, or a primitive value. */
export type Thrown = ThrownError | { list: readonly Thrown[] } | { bytes: Uint8Array } | { value: unknown };

/** What is left: characters for each text, and errors in all. */
interface Room {
  readonly chars: number;
  errors: number;
}

/** Fits into `maxBytes`, 1,024 or more, also with a codec that takes twice as many bytes as `node:v8`. */
export function describeThrown(thrown: unknown, maxBytes = 65_536): Thrown {
  const part = partOf(thrown, { chars: maxBytes >> 5, errors: MAX_ERRORS }, 0);
  if (typeof part === 'object' && 2 * serialize(part).byteLength <= maxBytes) return part;
  const error = isError(thrown) ? thrown : new TypeError(`The task threw what cannot be sent: ${part}`);
  // Five times so many characters of two bytes, four marks and the names of the properties are less than a half.
  return describe(error, { chars: maxBytes >> 7, errors: 1 }, MAX_DEPTH + 1);
}

export function restoreThrown(thrown: Thrown): unknown {
  if ('value' in thrown) return thrown.value;
  if ('bytes' in thrown) return deserialize(thrown.bytes);
  if ('list' in thrown) return thrown.list.map(restoreThrown);
  const { type, fields, ...texts } = thrown;
  const { prototype } = BUILT_IN.find(({ name }) => name === type) ?? Error;
  const error: Error = Object.setPrototypeOf(new Error(), prototype);
  const restored = fields.map(([key, value]) => [key, restoreThrown(value)] as const);
  for (const [key, value] of [...Object.entries(texts), ...restored]) {
    const enumerable = ![...TEXTS, 'cause', 'errors'].includes(key);
    Object.defineProperty(error, key, { value, enumerable, writable: true, configurable: true });
  }
  return error;
}

/** A text: why the value is left out. `depth`: how many errors it is in. */
function partOf(value: unknown, room: Room, depth: number): Thrown | string {
  if (isError(value))
    return depth > MAX_DEPTH || room.errors === 0 ? 'an error' : describe(value, room, depth);
  if (typeof value === 'string') return { value: shorten(value, room.chars) };
  if (!['object', 'function', 'symbol', 'bigint'].includes(typeof value)) return { value };
  try {
    const bytes = serialize(value);
    return bytes.byteLength <= 4 * room.chars ? { bytes } : `an object of ${bytes.byteLength} bytes`;
  } catch (error) {
    return textOf(Object(error), 'message');
  }
}

/** Beyond the last level only the texts are kept. */
function describe(error: object, room: Room, depth: number): ThrownError {
  const { chars } = room;
  room.errors -= 1;
  const left: string[] = [];
  const fields: [string, Thrown][] = [];
  for (const key of new Set(['code', 'cause', 'errors', ...(attempt(() => Object.keys(error)) ?? [])])) {
    const value = TEXTS.includes(key) ? undefined : read(error, key);
    if (value === undefined) continue;
    const part = depth > MAX_DEPTH ? undefined : attempt(() => fieldOf(key, value, room, depth + 1, left));
    if (typeof part === 'object') fields.push([key, part]);
    else left.push(key);
  }
  if (left.length > 0) fields.push(['leftOut', { value: shorten(left.join(', '), chars) }]);
  const message = textOf(error, 'message');
  const short = shorten(message, chars);
  const stack = textOf(error, 'stack').replace(message, () => short); // so that the frames behind it stay
  return {
    type: (BUILT_IN.find((type) => attempt(() => error instanceof type)) ?? Error).name,
    name: shorten(textOf(error, 'name') || 'Error', chars),
    message: short,
    stack: shorten(stack, 2 * chars),
    fields,
  };
}

/** `left` gets to know which entries of a list are left out. */
function fieldOf(key: string, value: unknown, room: Room, depth: number, left: string[]): Thrown | string {
  if (key !== 'errors' || !Array.isArray(value)) return partOf(value, room, depth);
  const length = Math.min(value.length, MAX_LIST);
  const parts = Array.from({ length }, (_, index) => partOf(read(value, `${index}`), room, depth));
  const list = parts.filter((part) => typeof part === 'object');
  if (list.length < value.length) left.push(`errors (${value.length - list.length} of ${value.length})`);
  return { list };
}

/** Also of another realm. */
function isError(value: unknown): value is object {
  return attempt(() => types.isNativeError(value) || value instanceof Error) === true;
}

function shorten(text: string, chars: number): string {
  return text.length <= chars ? text : `${text.slice(0, chars)}... [cut: ${text.length} characters]`;
}

function textOf(error: object, key: string): string {
  const value = read(error, key) ?? '';
  return typeof value === 'string' ? value : `[${key}: of type ${typeof value}]`;
}

function read(object: object, key: string): unknown {
  return attempt(() => Reflect.get(object, key), `[${key}: its getter threw]`);
}

function attempt<R, E = undefined>(run: () => R, otherwise?: E): R | E {
  try {
    return run();
  } catch {
    return otherwise as E;
  }
}
