/** Values that are not written by hand: V8's bytes for the structured clone that `postMessage` makes. */
import { types } from 'node:util';
import { DefaultDeserializer, DefaultSerializer } from 'node:v8';
import { NotSendableError, TaskTooLargeError } from './errors.js';

const writeView: (view: object) => void = Reflect.get(DefaultSerializer.prototype, '_writeHostObject');
const readView: () => ArrayBufferView = Reflect.get(DefaultDeserializer.prototype, '_readHostObject');

/** As `v8.serialize`: a view brings the bytes that it shows, and a `Buffer` arrives as a `Buffer`. */
class Writer extends DefaultSerializer {
  _writeHostObject(object: object): void {
    if (isShared(object) || !ArrayBuffer.isView(object))
      throw new TypeError(Object.prototype.toString.call(object));
    writeView.call(this, object);
  }
}

/** A view gets a buffer of its own. By `v8.deserialize` it would show the message itself. */
class Reader extends DefaultDeserializer {
  _readHostObject(): ArrayBufferView {
    const view = readView.call(this);
    if (!(view instanceof DataView)) return Uint8Array.prototype.slice.call(view);
    return new DataView(view.buffer.slice(view.byteOffset, view.byteOffset + view.byteLength));
  }
}

/** Throws what V8 or a getter throws: see {@link explain}. */
export function serialize(value: unknown): Buffer {
  const writer = new Writer();
  writer.writeHeader();
  writer.writeValue(value);
  return writer.releaseBuffer();
}

export function deserialize(bytes: Uint8Array): unknown {
  const reader = new Reader(bytes);
  reader.readHeader();
  return reader.readValue();
}

/** The error to throw in place of `error`, which encoding `value` has thrown: it names the first part to blame. */
export function explain(error: unknown, name: string, value: unknown): unknown {
  if (error instanceof TaskTooLargeError) return error;
  if (error instanceof RangeError && error.message.startsWith('Maximum call stack'))
    return new NotSendableError(`${name} is nested too deeply: send something flatter`);
  const paths = new Map([[value, name]]); // It grows while it is walked through.
  for (const [part, path] of paths) {
    const problem = problemOf(part);
    if (problem !== undefined) return new NotSendableError(`${path} ${problem}`);
    for (const [key, inner] of Object.entries(inside(part)))
      if (!paths.has(inner)) paths.set(inner, /^\d/.test(key) ? `${path}[${key}]` : `${path}.${key}`);
  }
  return new NotSendableError(`${name} cannot be cloned: ${(error as Error).message}`);
}

/** The parts of a container, by name. */
function inside(value: unknown): object {
  if (typeof value !== 'object' || value === null || ArrayBuffer.isView(value)) return {};
  if (types.isNativeError(value)) return { cause: value.cause };
  if (types.isMap(value)) return { keys: [...value.keys()], values: [...value.values()] };
  return types.isSet(value) ? { values: [...value] } : value;
}

/** Of a container, its parts are to blame, not itself. */
function problemOf(value: unknown): string | undefined {
  if (typeof value === 'function') return 'is a function: send the data it needs, and let the task import it';
  if (typeof value === 'symbol') return 'is a symbol: send a string';
  if (types.isProxy(value)) return 'is a proxy: send what it stands for';
  if (types.isPromise(value)) return 'is a promise: await it and send what it gives';
  if (isShared(value)) return 'is shared memory: hand it over once, by `workerData`';
  if (Object.keys(inside(value)).length > 0) return undefined;
  try {
    serialize(value);
    return undefined;
  } catch (error) {
    return `cannot be cloned: ${(error as Error).message}`;
  }
}

function isShared(value: unknown): boolean {
  return types.isSharedArrayBuffer(ArrayBuffer.isView(value) ? value.buffer : value);
}
