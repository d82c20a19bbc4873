/** The routes of the admin address. */
import {
  type Answer,
  type Exchange,
  json,
  Problem,
  type Routes,
  type TaskRecord,
  text,
} from '../http/index.js';
import type { Open } from './events.js';
import { metrics } from './metrics.js';
import { page } from './page.js';
import type { Watched } from './snapshot.js';

const METRICS = { 'content-type': 'text/plain; version=0.0.4; charset=utf-8' };

type Admin = Watched & { readonly events: Open; readonly ending: boolean };

export const routes: Routes<Admin> = {
  '/': { GET: page },
  '/events': { GET: ({ response }, { events }) => events(response), safe: false },
  '/metrics': { GET: (_exchange, { runtime }) => text(200, metrics(runtime), METRICS) },
  '/tasks/*': { GET: (exchange, admin) => show(200, find(exchange, admin).status()), DELETE: cancel },
};

function find({ rest }: Exchange, { runtime }: Admin) {
  const task = /^\d{1,15}$/.test(rest) ? runtime.task(Number(rest)) : undefined;
  if (task === undefined) throw new Problem(404, 'There is no such task, or it ended long ago');
  return task;
}

function cancel(exchange: Exchange, admin: Admin): Answer {
  const task = find(exchange, admin);
  const state = task.cancel();
  if (state !== 'queued' && state !== 'running') throw new Problem(409, `The task is over: ${state}`);
  return show(state === 'queued' ? 200 : 202, task.status());
}

function show(status: number, { outcome, ...record }: TaskRecord): Answer {
  const key = record.state === 'succeeded' ? 'result' : 'error';
  return json(status, outcome === undefined ? record : { ...record, [key]: outcome });
}
