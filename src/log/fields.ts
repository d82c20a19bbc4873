/**
 * A log of JSON: what machines read of a line besides its text: its task, its request, how long the task ran (in
 * milliseconds), how it failed. The fields go with the async context, so that every line has them that a task, or the
 * answer to a request, prints. Without `printJson` nothing is kept, and no async context is made.
 */
import { AsyncLocalStorage } from 'node:async_hooks';

type Fields = Record<string, unknown>;

const storage = new AsyncLocalStorage<Fields>();
let json = false;

/** The lines of this thread, and of worker threads that start later, are JSON from now on. */
export function printJson(): void {
  json = true;
}

export function isJson(): boolean {
  return json;
}

/** All lines that `run` prints, and what it starts, have these fields. */
export function withFields<R>(fields: Fields, run: () => R): R {
  return json ? storage.run(fields, run) : run();
}

/** Adds to the fields of this async context. */
export function addFields(fields: Fields): void {
  Object.assign(storage.getStore() ?? {}, fields);
}

/** A line as one JSON object. An error is in its fields: then the text that tells of it is left out. */
export function jsonLine(level: 'info' | 'error', text: string): string {
  const fields = storage.getStore();
  const message = fields?.['error'] === undefined ? text.replace(/\n$/, '') : text.split('\n', 1)[0];
  return `${JSON.stringify({ time: new Date().toISOString(), level, message, ...fields })}\n`;
}
