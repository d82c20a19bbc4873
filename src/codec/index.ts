/**
 * Values to bytes and back, for messages that cross threads. Works on a scratch buffer of its own; moving the
 * bytes into and out of shared memory is up to the caller.
 *
 * Values arrive as `structuredClone` would bring them, except that
 * - an object referred to twice arrives as two copies, and one that contains itself is refused;
 * - a view on a buffer brings only the bytes it shows, in a buffer of their own and of fixed length;
 * - a `Buffer` arrives as a `Buffer`;
 * - errors keep their `name`, `code` and `stack`, and of their other properties those that can cross;
 * - named properties of arrays are left behind;
 * - boxed primitives and shared memory are refused;
 * - so are instances of unregistered classes, subclasses of built-in ones included. `structuredClone` would silently
 *   strip them of their class.
 * Symbol keys and property attributes do not cross, as in `structuredClone`.
 */
export { Decoder } from './decoder.js';
export { Encoder } from './encoder.js';
export { CorruptMessageError, NotSendableError, TaskTooLargeError } from './errors.js';
export { registerWireClass, type WireClass } from './wire.js';
