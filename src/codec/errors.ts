/** How encoding and decoding fail. */

/** The value, or a value inside it, cannot cross to another thread. */
export class NotSendableError extends TypeError {
  override readonly name = 'NotSendableError';
  readonly code = 'ERR_NOT_SENDABLE';
  /** Where it is, for example `value.user.save`. */
  readonly path: string;

  constructor(path: string, problem: string) {
    super(`${path} ${problem}`);
    this.path = path;
  }
}

/** The encoded value is larger than `maxBytes`. */
export class TaskTooLargeError extends RangeError {
  override readonly name = 'TaskTooLargeError';
  readonly code = 'ERR_TASK_TOO_LARGE';
  /** The size of the value; if the message says "at least", counting stopped here. */
  readonly bytes: number;
  readonly maxBytes: number;

  constructor(bytes: number, maxBytes: number, atLeast = false) {
    const size = atLeast ? `at least ${bytes}` : `${bytes}`;
    super(`Expected at most ${maxBytes} bytes, got ${size}: pass a key or a path, not the payload`);
    this.bytes = bytes;
    this.maxBytes = maxBytes;
  }
}

/** The bytes are not what an `Encoder` writes. */
export class CorruptMessageError extends Error {
  override readonly name = 'CorruptMessageError';
  readonly code = 'ERR_CORRUPT_MESSAGE';
  /** Where the message stood in the channel, if it came through one. */
  position: number | undefined;
}
