/** Why a message was not sent. */

/** The channel is closed. `value` is what could not be sent. */
export class ChannelClosedError extends Error {
  override readonly name = 'ChannelClosedError';
  readonly code = 'ERR_CHANNEL_CLOSED';
  readonly value: unknown;

  constructor(value: unknown) {
    super('The channel is closed: the message was not sent, and is given back as `value`');
    this.value = value;
  }
}

/** There was no room in time. `value` is what could not be sent. */
export class SendTimeoutError extends Error {
  override readonly name = 'SendTimeoutError';
  readonly code = 'ERR_SEND_TIMEOUT';
  readonly value: unknown;

  constructor(value: unknown, timeout: number) {
    super(
      `The channel stayed full for ${timeout} ms: the message was not sent, and is given back as \`value\``,
    );
    this.value = value;
  }
}
