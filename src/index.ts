/** What a user imports. */

export {
  ChannelClosedError,
  channel,
  Receiver,
  type ReceiverHandle,
  Sender,
  type SenderHandle,
  type SendOptions,
  SendTimeoutError,
} from './channel/index.js';
export { CorruptMessageError, NotSendableError, TaskTooLargeError } from './codec/index.js';
export * from './runtime/index.js';
