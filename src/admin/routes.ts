/** The routes of the admin address. */
import { type Answer, type Exchange, json, Problem, type Routes, text } from '../http/index.js';
import type { Events } from './events.js';
import type { Metrics } from './metrics.js';
import { page } from './page.js';
import type { View, Watched } from './view.js';

/** What the handlers work on. */
export interface Admin extends Watched {
  readonly view: View;
  readonly events: Events;
  readonly metrics: Metrics;
  readonly ending: boolean;
}

export const routes: Routes<Admin> = {
  '/': { GET: page },
  '/events': { GET: ({ request, response }, { events }) => events.open(request, response) },
  '/metrics': {
    GET: async (_exchange, { metrics }) =>
      text(200, await metrics.text(), { 'content-type': 'text/plain; version=0.0.4; charset=utf-8' }),
  },
  '/tasks/*': { GET: show, DELETE: cancel },
};

/** -1, as no task has, if it is no number. */
function idOf(text: string): number {
  return /^\d{1,15}$/.test(text) ? Number(text) : -1;
}

function show({ rest }: Exchange, { view }: Admin): Answer {
  const task = view.task(idOf(rest));
  if (task === undefined) throw new Problem(404, 'There is no such task, or it ended long ago');
  return json(200, task);
}

function cancel(exchange: Exchange, admin: Admin): Answer {
  const state = admin.runtime.ledger.cancel(idOf(exchange.rest));
  if (state === undefined) throw new Problem(404, 'There is no such task, or it ended long ago');
  if (state !== 'queued' && state !== 'running') throw new Problem(409, `The task has already ${state}`);
  return { ...show(exchange, admin), status: state === 'queued' ? 200 : 202 };
}
