/** How encoding and decoding fail. */

/** The value cannot cross to another thread. The message begins with the part to blame, such as `value.user.save`. */
export class NotSendableError extends TypeError {
  override readonly name = 'NotSendableError';
  readonly code = 'ERR_NOT_SENDABLE';
}

/** The value takes more than `maxBytes`. `bytes`: its size up to the end of the first part that does not fit. */
export class TaskTooLargeError extends RangeError {
  override readonly name = 'TaskTooLargeError';
  readonly code = 'ERR_TASK_TOO_LARGE';
  readonly bytes: number;

  constructor(bytes: number, maxBytes: number) {
    super(`Expected at most ${maxBytes} bytes, got at least ${bytes}: pass a key or a path, not the payload`);
    this.bytes = bytes;
  }
}

/** The bytes are not what an `Encoder` writes. */
export class CorruptMessageError extends Error {
  override readonly name = 'CorruptMessageError';
  readonly code = 'ERR_CORRUPT_MESSAGE';
}
