/** Values that are not written by hand: V8's bytes for the structured clone that `postMessage` makes. */
import { types } from 'node:util';
import { DefaultDeserializer, DefaultSerializer } from 'node:v8';
import { NotSendableError, TaskTooLargeError } from './errors.js';

const writeView: (view: object) => void = Reflect.get(DefaultSerializer.prototype, '_writeHostObject');
const readView: () => ArrayBufferView = Reflect.get(DefaultDeserializer.prototype, '_readHostObject');

/** As `v8.serialize`, which would copy what a view shows of shared memory. */
class Writer extends DefaultSerializer {
  _writeHostObject(object: object): void {
    if (ArrayBuffer.isView(object) && types.isSharedArrayBuffer(object.buffer))
      throw new TypeError('Shared memory could not be cloned: hand it over once, by `workerData`');
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
    const isContainer = typeof part === 'object' && part !== null && !ArrayBuffer.isView(part);
    const inner = isContainer ? Object.entries(part) : [];
    const problem = inner.length === 0 ? problemOf(part) : undefined; // else its parts are to blame
    if (problem !== undefined) return new NotSendableError(`${path} ${problem}`);
    for (const [key, each] of inner)
      if (!paths.has(each)) paths.set(each, Array.isArray(part) ? `${path}[${key}]` : `${path}.${key}`);
  }
  return new NotSendableError(`${name} cannot be cloned: ${(error as Error).message}`);
}

function problemOf(value: unknown): string | undefined {
  if (typeof value === 'function') return 'is a function: send the data it needs, and let the task import it';
  if (types.isPromise(value)) return 'is a promise: await it and send what it gives';
  try {
    serialize(value);
    return undefined;
  } catch (error) {
    return `cannot be cloned: ${(error as Error).message}`;
  }
}
