/**
 * Values to bytes and back, in a scratch buffer. Read in this order: wire.ts, encoder.ts, decoder.ts, clone.ts.
 *
 * The kinds that most messages are made of are written by hand: undefined, null, booleans, numbers, strings, arrays,
 * plain objects, and a `Call` of these. A value that is or holds anything else is cloned as a whole by V8. So values
 * arrive as `postMessage` brings them, except that
 * - by hand, an object referred to twice arrives as two copies, an array without its named properties, and a proxy or
 *   `arguments` as a plain object;
 * - a view brings only the bytes that it shows, in a buffer of their own; a `Buffer` arrives as a `Buffer`;
 * - shared memory and a `MessagePort` are refused;
 * - a `DOMException`, a `Blob` or a stream arrives empty or is refused, as a `URL` or `Headers` arrive empty anyway;
 * - a getter may be read twice.
 *
 * Node.js 20 to 26 read each other's messages, but for an error that has a `cause`: none later than 20 reads that of 20.
 */
export { Decoder } from './decoder.js';
export { Encoder } from './encoder.js';
export { CorruptMessageError, NotSendableError, TaskTooLargeError } from './errors.js';
export { Call } from './wire.js';
