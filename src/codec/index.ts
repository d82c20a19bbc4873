/**
 * Values to bytes and back, for messages that cross threads. Works on a scratch buffer of its own; moving the
 * bytes into and out of shared memory is up to the caller.
 *
 * Values arrive as `structuredClone` would bring them, except that
 * - an object referred to twice arrives as two copies, and one that contains itself is refused;
 * - a view on a buffer brings only the bytes it shows, in a buffer of their own;
 * - errors keep their `name`, `code` and `stack`; their other properties are left behind;
 * - named properties of arrays are left behind;
 * - boxed primitives and shared memory are refused;
 * - instances of unregistered classes are refused, too. `structuredClone` would silently strip them of their class.
 * Symbol keys and property attributes do not cross, as in `structuredClone`.
 */
export { Decoder } from './decoder.js';
export { Encoder } from './encoder.js';
export {
  CorruptMessageError,
  NotSendableError,
  registerWireClass,
  TaskTooLargeError,
  type WireClass,
} from './wire.js';
