/** The routes of the admin address. */
import { type Answer, type Exchange, Problem, type Routes, text, view } from '../http/index.js';
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
  '/tasks/*': { GET: show, DELETE: cancel },
};

function find({ rest }: Exchange, { runtime }: Admin) {
  const task = /^\d{1,15}$/.test(rest) ? runtime.task(Number(rest)) : undefined;
  if (task === undefined) throw new Problem(404, 'There is no such task, or it ended long ago');
  return task;
}

function show(exchange: Exchange, admin: Admin): Answer {
  return view(200, exchange.rest, find(exchange, admin).status());
}

function cancel(exchange: Exchange, admin: Admin): Answer {
  const task = find(exchange, admin);
  const state = task.cancel();
  if (state !== 'queued' && state !== 'running') throw new Problem(409, `The task is over: ${state}`);
  return view(state === 'queued' ? 200 : 202, exchange.rest, task.status());
}
