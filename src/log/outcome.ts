/**
 * What a task threw, as a plain value that any codec can carry, and back. Nothing that a task throws makes this throw:
 * every property is read under guard, and a getter that throws costs only its own piece.
 *
 * An error keeps its nearest built-in class, name, message, stack, code, cause, errors and own enumerable fields. Each
 * text is cut on its own, to an eighth of `maxBytes`: 8,192 characters by default. Any other field may have twice as many
 * bytes. At most 4 levels of causes and errors are kept, 8 entries of `errors`, and 32 errors in all. The last line of the
 * stack and the field `leftOut` name everything else. While the whole is larger than `maxBytes`, the limit of texts and
 * fields is halved; an error that stays too large keeps its texts alone.
 */
import { types } from 'node:util';
import { deserialize, serialize } from 'node:v8';

const MAX_DEPTH = 4;
const MAX_LIST = 8;
const MAX_ERRORS = 32;
const MIN_CHARS = 16;
const BUILT_IN = [
  DOMException,
  AggregateError,
  RangeError,
  TypeError,
  SyntaxError,
  ReferenceError,
  EvalError,
  URIError,
];
const TEXTS = ['name', 'message', 'stack'];

export interface ThrownError {
  /** The built-in class from which the error is made again. */
  readonly type: string;
  readonly name: string;
  readonly message: string;
  readonly stack: string;
  readonly fields: readonly (readonly [key: string, value: Thrown])[];
  /** Names; empty if nothing was left out. */
  readonly leftOut: string;
}

/** An error, the `errors` of one, an object as `node:v8` serializes it, or a primitive value. */
export type Thrown = ThrownError | { list: readonly Thrown[] } | { bytes: Uint8Array } | { value: unknown };

/** What is left for an error: characters for each text, and errors in all. */
interface Room {
  readonly chars: number;
  errors: number;
}

/** Fits into `maxBytes`, 1,024 or more, also with a codec that takes twice as many bytes as `node:v8`. */
export function describeThrown(thrown: unknown, maxBytes = 65_536): Thrown {
  const fits = (value: Thrown) => 2 * serialize(value).byteLength <= maxBytes;
  const value = isError(thrown) ? '' : crossing(thrown, maxBytes >> 3, maxBytes >> 1);
  if (typeof value === 'object' && fits(value)) return value;
  const error = isError(thrown) ? thrown : new TypeError(`The task threw what cannot be sent: ${value}`);
  for (let chars = maxBytes >> 3; chars >= MIN_CHARS; chars >>= 1) {
    const description = describe(error, { chars, errors: MAX_ERRORS }, 0);
    if (fits(description)) return description;
  }
  return describe(error, { chars: maxBytes >> 6, errors: 0 }, MAX_DEPTH + 1);
}

export function restoreThrown(thrown: Thrown): unknown {
  if ('value' in thrown) return thrown.value;
  if ('bytes' in thrown) return deserialize(thrown.bytes);
  if ('list' in thrown) return thrown.list.map(restoreThrown);
  const { type, name, message, stack, fields, leftOut } = thrown;
  const { prototype } = BUILT_IN.find((each) => each.name === type) ?? Error;
  const error: Error =
    type === 'DOMException' ? new DOMException(message, name) : Object.setPrototypeOf(new Error(), prototype);
  const own: [string, unknown][] = Object.entries({ message, stack });
  if (error.name !== name) own.push(['name', name]);
  for (const [key, value] of fields) own.push([key, restoreThrown(value)]);
  if (leftOut !== '') own.push(['leftOut', leftOut]);
  for (const [key, value] of own) {
    const enumerable = ![...TEXTS, 'cause', 'errors'].includes(key);
    Object.defineProperty(error, key, { value, enumerable, writable: true, configurable: true });
  }
  return error;
}

/** Beyond the last level only the texts are kept. */
function describe(error: object, room: Room, depth: number): ThrownError {
  room.errors--;
  const left = attempt(() => Object.getPrototypeOf(error)) === null ? ['prototype'] : [];
  const fields: [string, Thrown][] = [];
  for (const key of new Set(['code', 'cause', 'errors', ...(attempt(() => Object.keys(error)) ?? [])])) {
    const value = TEXTS.includes(key) ? undefined : read(error, key);
    if (value === undefined) continue;
    const part = depth > MAX_DEPTH ? '' : attempt(() => partOf(key, value, room, depth, left));
    if (typeof part === 'object') fields.push([key, part]);
    else left.push(key);
  }
  const cut = (text: string) => shorten(text, room.chars);
  const [name, message] = [textOf(error, 'name') || 'Error', textOf(error, 'message')];
  let stack = textOf(error, 'stack');
  if (stack.startsWith('[stack: '))
    stack = `${name}: ${message}${attempt(() => framesOf(error)) ?? `\n    ${stack}`}`;
  // The message stands in the stack again. It is cut by itself there, so that the frames behind it stay.
  const at = Math.max(stack.indexOf(message), 0);
  const end = stack.startsWith(message, at) ? at + message.length : at;
  const lines = cut(stack.slice(0, at)) + cut(stack.slice(at, end)) + cut(stack.slice(end));
  const leftOut = cut(left.join(', '));
  const own = BUILT_IN.find((type) => attempt(() => error instanceof type));
  return {
    type: (own ?? BUILT_IN.find((type) => type.name === name) ?? Error).name, // by name: of another realm
    name: cut(name),
    message: cut(message),
    stack: leftOut === '' ? lines : `${lines}\n    [left out: ${leftOut}]`,
    fields,
    leftOut,
  };
}

/** A text: it is left out. */
function partOf(key: string, value: unknown, room: Room, depth: number, left: string[]): Thrown | string {
  if (key === 'errors' && Array.isArray(value)) {
    const first = Array.from({ length: Math.min(value.length, MAX_LIST) }, (_, i) => read(value, `${i}`));
    const parts = first.map((each) => attempt(() => partOf('', each, room, depth, left)));
    const list = parts.filter((part) => typeof part === 'object');
    if (list.length < value.length) left.push(`errors (${value.length - list.length} of ${value.length})`);
    return { list };
  }
  if (!isError(value)) return crossing(value, room.chars, 2 * room.chars);
  return depth < MAX_DEPTH && room.errors > 0 ? describe(value, room, depth + 1) : '';
}

/** A value that is no error, or a text that says why it does not cross. */
function crossing(value: unknown, maxChars: number, maxBytes: number): Thrown | string {
  if (typeof value === 'string') return { value: shorten(value, maxChars) };
  if (typeof value === 'function' || typeof value === 'symbol') return `a ${typeof value}`;
  if (typeof value !== 'bigint' && Object(value) !== value) return { value };
  try {
    const bytes = serialize(value);
    return bytes.byteLength <= maxBytes ? { bytes } : `an object of ${bytes.byteLength} bytes`;
  } catch (error) {
    return isError(error) ? textOf(error, 'message') : 'an object whose getter threw';
  }
}

/** Also of another realm, or without a prototype. */
function isError(value: unknown): value is object {
  return attempt(() => types.isNativeError(value) || value instanceof Error) === true;
}

function shorten(text: string, chars: number): string {
  return text.length <= chars ? text : `${text.slice(0, chars)}… [cut: ${text.length} characters]`;
}

function textOf(error: object, key: string): string {
  const value = read(error, key) ?? '';
  const isText = typeof value === 'string' || typeof value === 'number';
  return isText ? String(value) : `[${key}: of type ${typeof value}]`;
}

function read(object: object, key: string): unknown {
  return attempt(() => Reflect.get(object, key), `[${key}: its getter threw]`);
}

/** Node.js asks for name and message when it formats a stack for the first time, and a getter of either may throw. */
function framesOf(error: object): string | undefined {
  const { prepareStackTrace } = Error;
  Error.prepareStackTrace = (_, frames) => `\n    at ${frames.join('\n    at ')}`;
  const frames = attempt(() => Reflect.get(error, 'stack'));
  Error.prepareStackTrace = prepareStackTrace;
  return typeof frames === 'string' ? frames : undefined;
}

function attempt<R, E = undefined>(run: () => R, otherwise?: E): R | E {
  try {
    return run();
  } catch {
    return otherwise as E;
  }
}
