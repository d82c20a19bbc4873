/**
 * What a task threw, as a plain value that any codec can carry, and back. Nothing that a task throws makes this throw: a
 * part that cannot be read, or that cannot cross, is left out.
 *
 * An error keeps its nearest built-in class, name, message, stack, code, cause, errors and own enumerable fields. A text
 * is cut in its middle to a 32nd of `maxBytes`, 2,048 characters by default; an object has four times as many bytes.
 * Eight errors are kept in all: the error, its causes, entries of `errors`. The field `leftOut` names everything else. An
 * error that is still too large keeps its texts alone, shorter ones.
 */
import { types } from 'node:util';
import { deserialize, serialize } from 'node:v8';

const MAX_ERRORS = 8;
const BUILT_IN = [AggregateError, RangeError, TypeError, SyntaxError, ReferenceError, EvalError, URIError];
const TEXTS = ['name', 'message', 'stack'];
const HIDDEN = [...TEXTS, 'cause', 'errors'];

type Part = [key: string, value: Thrown];

/** An error of a built-in class, the list `errors` of one, a text, or another value as `node:v8` writes it. */
export type Thrown =
  | { type: string; parts: Part[] }
  | { list: Part[] }
  | { text: string }
  | { bytes: Uint8Array };

/** What is left: characters for each text, and errors in all. */
interface Room {
  readonly chars: number;
  errors: number;
}

/** As `node:v8` writes it, it takes up at most a half of `maxBytes`, which is 1,024 or more. */
export function describeThrown(thrown: unknown, maxBytes = 65_536): Thrown {
  try {
    for (let chars = maxBytes >> 5; chars > 16; chars >>= 1) {
      const whole = partOf(thrown, { chars, errors: MAX_ERRORS });
      if (2 * serialize(whole).byteLength <= maxBytes) return whole;
    }
    return describe(thrown as object, { chars: maxBytes >> 7, errors: 0 });
  } catch (cause) {
    return describeThrown(new TypeError('The task threw what cannot be sent', { cause }), maxBytes);
  }
}

export function restoreThrown(thrown: Thrown): unknown {
  if ('bytes' in thrown) return deserialize(thrown.bytes);
  if ('text' in thrown) return thrown.text;
  if ('list' in thrown) return thrown.list.map(([, part]) => restoreThrown(part));
  const { prototype } = BUILT_IN.find(({ name }) => name === thrown.type) ?? Error;
  const error: Error = Object.assign(Object.setPrototypeOf(new Error(), prototype), { stack: '' });
  for (const [key, part] of thrown.parts) {
    const value = restoreThrown(part);
    const enumerable = !HIDDEN.includes(key);
    Object.defineProperty(error, key, { value, enumerable, writable: true, configurable: true });
  }
  return error;
}

function describe(error: object, room: Room): Thrown {
  room.errors -= 1;
  const left: string[] = [];
  const parts = partsOf(error, new Set([...HIDDEN, 'code', ...Object.keys(error)]), room, left);
  if (left.length > 0) parts.push(['leftOut', partOf(left.join(', '), room)]);
  return { type: (BUILT_IN.find((type) => error instanceof type) ?? Error).name, parts };
}

/** `left` gets to know the names of the parts that are left out. */
function partsOf(object: object, keys: Iterable<string>, room: Room, left: string[], path = ''): Part[] {
  const parts: Part[] = [];
  for (const key of keys) {
    try {
      const value = Reflect.get(object, key);
      if (value === undefined && path === '') continue;
      if (TEXTS.includes(key) ? typeof value !== 'string' : room.errors < 0) throw new TypeError('no text');
      const isList = key === 'errors' && Array.isArray(value);
      parts.push([key, isList ? listOf(value, room, left) : partOf(value, room)]);
    } catch {
      left.push(path + key);
    }
  }
  return parts;
}

function listOf(errors: readonly unknown[], room: Room, left: string[]): Thrown {
  const first = errors.slice(0, MAX_ERRORS);
  const list = partsOf(first, Object.keys(first), room, left, 'errors.');
  if (errors.length > MAX_ERRORS) left.push(`errors.${MAX_ERRORS} to errors.${errors.length - 1}`);
  return { list };
}

/** Throws if the value is left out. An error may be of another realm. */
function partOf(value: unknown, room: Room): Thrown {
  if (types.isNativeError(value) || value instanceof Error) {
    if (room.errors === 0) throw new RangeError('one error too many');
    return describe(value, room);
  }
  if (typeof value === 'string') return { text: shorten(value, room.chars) };
  const bytes = serialize(value);
  if (bytes.byteLength > 4 * room.chars) throw new RangeError(`an object of ${bytes.byteLength} bytes`);
  deserialize(bytes); // V8 writes some errors, with an odd stack or cause, such that it cannot read them
  return { bytes };
}

/** A stack keeps its last frames, however long the message before them. */
function shorten(text: string, chars: number): string {
  if (text.length <= chars) return text;
  return `${text.slice(0, chars / 2)}... [cut: ${text.length} characters] ...${text.slice(-chars / 2)}`;
}
