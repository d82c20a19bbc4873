/** Values that are not written by hand: V8's bytes for the structured clone that `postMessage` makes. */
import { types } from 'node:util';
import { DefaultDeserializer, DefaultSerializer } from 'node:v8';
import { NotSendableError } from './errors.js';

const writeView: (view: object) => void = Reflect.get(DefaultSerializer.prototype, '_writeHostObject');
const readView: () => ArrayBufferView = Reflect.get(DefaultDeserializer.prototype, '_readHostObject');

/** As `v8.serialize`: a view brings the bytes that it shows, and a `Buffer` arrives as a `Buffer`. */
class Writer extends DefaultSerializer {
  _getDataCloneError(message: string): NotSendableError {
    return new NotSendableError('value', `cannot be cloned: ${message}`);
  }

  _getSharedArrayBufferId(): never {
    throw this._getDataCloneError('[object SharedArrayBuffer]');
  }

  _writeHostObject(object: object): void {
    try {
      if (isShared(object) || !ArrayBuffer.isView(object)) throw object;
      writeView.call(this, object);
    } catch {
      throw this._getDataCloneError(Object.prototype.toString.call(object)); // Or it is detached.
    }
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

/** Throws `NotSendableError`, a `RangeError` for what is nested too deeply, or what a getter throws. */
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

type Part = readonly [path: string, value: unknown];

/** The error to throw in place of `error`, which encoding the root has thrown: it says which part is to blame. */
export function explain(error: unknown, root: Part): unknown {
  if (error instanceof RangeError && error.message.startsWith('Maximum call stack'))
    return new NotSendableError(root[0], 'is nested too deeply: send something flatter');
  if (!(error instanceof NotSendableError)) return error;
  const parts = partsOf(root);
  // Functions and symbols first: a part that leads back to one cannot be cloned either.
  const code = parts.find(([, part]) => typeof part === 'function' || typeof part === 'symbol');
  const [path, value] = code ?? parts.findLast(([, part]) => problem(part) !== '') ?? root;
  return new NotSendableError(path, problem(value) || 'cannot be cloned');
}

/** All of them, each after its container. */
function partsOf(root: Part): Part[] {
  const parts = [root];
  const seen = new Set<unknown>();
  for (const [path, value] of parts) {
    if (typeof value !== 'object' || value === null || seen.has(value) || types.isProxy(value)) continue;
    seen.add(value);
    let inside = value;
    if (types.isNativeError(value)) inside = { cause: value.cause };
    else if (types.isMap(value)) inside = { keys: [...value.keys()], values: [...value.values()] };
    else if (types.isSet(value)) inside = { values: [...value] };
    else if (ArrayBuffer.isView(value)) inside = {};
    for (const [key, part] of Object.entries(inside)) {
      const quoted = /\D/.test(key) ? JSON.stringify(key) : key;
      parts.push([path + (/^[A-Za-z_$][\w$]*$/.test(key) ? `.${key}` : `[${quoted}]`), part]);
    }
  }
  return parts;
}

function problem(value: unknown): string {
  if (typeof value === 'function') return 'is a function: send the data it needs, and let the task import it';
  if (typeof value === 'symbol') return 'is a symbol: send a string';
  if (types.isProxy(value)) return 'is a proxy: send what it stands for';
  if (types.isPromise(value)) return 'is a promise: await it and send what it gives';
  if (isShared(value)) return 'is shared memory: hand it over once, by `workerData`';
  // Arrays and plain objects are refused for their parts alone.
  if (Array.isArray(value) || Object.getPrototypeOf(value ?? {}) === Object.prototype) return '';
  try {
    return serialize(value) && '';
  } catch (error) {
    return String((error as Error).message).replace('value ', '');
  }
}

function isShared(value: unknown): boolean {
  return types.isSharedArrayBuffer(ArrayBuffer.isView(value) ? value.buffer : value);
}
