/**
 * What machines read of a line of the log besides its text: which task it belongs to, and which request. The fields go
 * with the async context, so that they are on the lines that a task, or whatever answers a request, prints by itself.
 *
 * Only if the log is JSON (log.ts): else nothing is kept, and no async context is made.
 */
import { AsyncLocalStorage } from 'node:async_hooks';

export interface Fields {
  requestId?: string | undefined;
  taskId?: number;
  task?: string;
  /** How long it ran, in milliseconds. */
  duration?: number | undefined;
  error?: Readonly<Record<string, unknown>>;
}

const storage = new AsyncLocalStorage<Fields>();
let inUse = false;

/** This thread's log has fields from now on. */
export function useFields(): void {
  inUse = true;
}

export function fieldsInUse(): boolean {
  return inUse;
}

/** Runs something whose lines, and those of all that it starts, have these fields. */
export function withFields<R>(fields: Fields | undefined, run: () => R): R {
  return inUse && fields !== undefined ? storage.run(fields, run) : run();
}

/** More is known of what goes on here. */
export function addFields(fields: Fields): void {
  const known = storage.getStore();
  if (known !== undefined) Object.assign(known, fields);
}

/** A line as one JSON object. An error is in its fields: then the text that tells of it is left out. */
export function jsonLine(level: 'info' | 'error', text: string): string {
  const fields = storage.getStore();
  const end = fields?.error === undefined ? -1 : text.indexOf('\n');
  const message = (end < 0 ? text : text.slice(0, end)).replace(/\n$/, '');
  return `${JSON.stringify({ time: new Date().toISOString(), level, message, ...fields })}\n`;
}
