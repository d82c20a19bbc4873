/** How encoding and decoding fail. */

/** The value, or a part of it at `path`, such as `value.user.save`, cannot cross to another thread. */
export class NotSendableError extends TypeError {
  override readonly name = 'NotSendableError';
  readonly code = 'ERR_NOT_SENDABLE';
  readonly path: string;

  constructor(path: string, problem: string) {
    super(`${path} ${problem}`);
    this.path = path;
  }
}

/** The value takes more than `maxBytes`: `bytes` up to the first part that does not fit, and with it. */
export class TaskTooLargeError extends RangeError {
  override readonly name = 'TaskTooLargeError';
  readonly code = 'ERR_TASK_TOO_LARGE';
  readonly bytes: number;
  readonly maxBytes: number;

  constructor(bytes: number, maxBytes: number) {
    super(`Expected at most ${maxBytes} bytes, got at least ${bytes}: pass a key or a path, not the payload`);
    this.bytes = bytes;
    this.maxBytes = maxBytes;
  }
}

/** The bytes are not what an `Encoder` writes. */
export class CorruptMessageError extends Error {
  override readonly name = 'CorruptMessageError';
  readonly code = 'ERR_CORRUPT_MESSAGE';
}
