/** Clients that close the connection before they are answered. */
import type { Socket } from 'node:net';
import { Problem } from './problem.js';

/** What is thrown then. Nobody will read it. */
export const CLIENT_GONE: Problem = new Problem(400, 'The client went away');

const signals = new WeakMap<Socket, AbortSignal>();

/** Aborts when the client closes the connection: one signal for all that it has asked on it. */
export function goneSignal(socket: Socket): AbortSignal {
  let signal = signals.get(socket);
  if (signal === undefined) {
    const controller = new AbortController();
    if (socket.destroyed) controller.abort(CLIENT_GONE);
    else socket.once('close', () => controller.abort(CLIENT_GONE));
    signal = controller.signal;
    signals.set(socket, signal);
  }
  return signal;
}
