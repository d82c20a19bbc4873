/** Clients that close the connection before they are answered. */
import type { Socket } from 'node:net';
import { Problem } from './problem.js';

/** What is thrown then. Nobody will read it. */
export const CLIENT_GONE: Problem = new Problem(400, 'The client went away');

const controllers = new WeakMap<Socket, AbortController>();

/** Aborts when the client closes the connection: one signal for all that it has asked on it. */
export function goneSignal(socket: Socket): AbortSignal {
  let controller = controllers.get(socket);
  if (controller === undefined) {
    controller = new AbortController();
    controllers.set(socket, controller);
    if (socket.destroyed) giveUp(socket);
    else socket.once('close', () => giveUp(socket));
  }
  return controller.signal;
}

/** Nothing that was asked on this connection will be answered any more. */
export function giveUp(socket: Socket): void {
  controllers.get(socket)?.abort(CLIENT_GONE);
}
