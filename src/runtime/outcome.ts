/**
 * Outcomes: what a task returned or threw, as bytes that fit into its record. Nothing that a task returns or throws makes
 * this throw.
 *
 * A result that cannot cross to another thread makes the task fail with the error that says why; one that is too large is
 * left out. An error is more than a result: it is cut until it fits. Name, code, and the head of message and stack stay;
 * of the rest, what cannot cross is left out. The stack says what was cut, and what was left out.
 */
import { Encoder, TaskTooLargeError } from '../codec/index.js';
import type { FinalState } from './record.js';
import { isError } from './report.js';

const MAX_NAME = 64;
/** Shorter than this, a message or a stack tells nothing. */
const MIN_TEXT = 16;
/** Causes of causes of …: one for so many characters of room. */
const CAUSE_ROOM = 512;
const NATIVE = [RangeError, TypeError, SyntaxError, ReferenceError, EvalError, URIError];
const TEXTS = new Set(['name', 'message', 'stack']);

/** Encodes one outcome at a time into `bytes`. */
export class OutcomeEncoder {
  /** In which state the task ends with the outcome that was encoded last. */
  state: FinalState = 'succeeded';
  readonly #encoder: Encoder;
  readonly #maxBytes: number;

  constructor(maxBytes: number) {
    this.#encoder = new Encoder(maxBytes);
    this.#maxBytes = maxBytes;
  }

  get bytes(): Uint8Array {
    return this.#encoder.bytes;
  }

  /** Returns the number of bytes; 0: there is nothing to keep; negative: it was left out, it would have had that many. */
  encode(state: FinalState, outcome: unknown): number {
    this.state = state;
    if (outcome === undefined) return 0;
    try {
      return this.#encoder.encode(outcome);
    } catch (problem) {
      return this.#instead(outcome, problem);
    }
  }

  #instead(outcome: unknown, problem: unknown): number {
    const error = this.state !== 'succeeded' && isError(outcome);
    if (problem instanceof TaskTooLargeError && !error) return -Math.min(problem.bytes, 2 ** 31 - 1);
    if (error) return this.#cut(outcome);
    if (this.state === 'succeeded') {
      this.state = 'failed';
      return this.#cut(isError(problem) ? problem : new TypeError(`Expected a result that can be sent`));
    }
    return this.#cut(new TypeError(`The task threw what cannot be sent: ${textOf(problem, 'message')}`));
  }

  /** Shorter and shorter until it fits. */
  #cut(error: object): number {
    for (let length = this.#maxBytes; length >= MIN_TEXT; length >>= 1) {
      const size = this.#try(this.#copy(error, length, Math.floor(length / CAUSE_ROOM)));
      if (size > 0) return size;
    }
    const bare = Object.assign(new Error(), { name: 'Error', stack: '' });
    return this.#try(bare) || -1; // in a ledger without room for any error
  }

  #try(value: unknown): number {
    try {
      return this.#encoder.encode(value);
    } catch {
      return 0;
    }
  }

  /** What of an error can cross, with texts of at most `length` characters. */
  #copy(error: object, length: number, causes: number): Error {
    const message = textOf(error, 'message');
    const native = NATIVE.find((type) => error instanceof type) ?? Error;
    const copy = new native(cut(message, length));
    const name = textOf(error, 'name');
    if (name !== copy.name) copy.name = cut(name, MAX_NAME);
    const left: string[] = [];
    for (const key of new Set(['code', 'cause', 'errors', ...ownKeys(error)])) {
      const value = memberOf(error, key);
      if (value === undefined || TEXTS.has(key) || Object.hasOwn(copy, key)) continue;
      const part = this.#part(key, value, length, causes);
      const size = this.#try(part);
      if (size === 0 || size > 2 * length) left.push(key);
      else Object.defineProperty(copy, key, { value: part, enumerable: key !== 'cause', configurable: true });
    }
    copy.stack =
      stackOf(error, message, length) + (left.length > 0 ? `\n    [left out: ${left.join(', ')}]` : '');
    return copy;
  }

  #part(key: string, value: unknown, length: number, causes: number): unknown {
    if (typeof value === 'string') return cut(value, length);
    return key === 'cause' && causes > 0 && isError(value)
      ? this.#copy(value, length >> 1, causes - 1)
      : value;
  }
}

/** The message stands in the stack again, and is cut there as well. */
function stackOf(error: object, message: string, length: number): string {
  const stack = textOf(error, 'stack');
  const at = stack.indexOf(message);
  if (at < 0 || at > MAX_NAME) return cut(stack, length);
  return stack.slice(0, at) + cut(message, length) + cut(stack.slice(at + message.length), length);
}

function cut(text: string, length: number): string {
  return text.length <= length ? text : `${text.slice(0, length)}… [cut: ${text.length} characters]`;
}

function memberOf(error: object, key: string): unknown {
  try {
    return Reflect.get(error, key);
  } catch {
    return undefined; // a getter that throws
  }
}

function textOf(error: unknown, key: string): string {
  if (typeof error !== 'object' || error === null) return '';
  const value = memberOf(error, key);
  return typeof value === 'string' ? value : '';
}

function ownKeys(error: object): string[] {
  try {
    return Object.keys(error);
  } catch {
    return [];
  }
}
