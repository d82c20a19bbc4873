/**
 * What any HTTP application on a queue needs: routes, bodies, problems, and tasks as resources. Nothing here knows this
 * application's routes and tasks, and only `queue.ts` knows how tasks are run. To be read in this order: server.ts,
 * router.ts, answer.ts, json.ts, body.ts, queue.ts (the seam), resource.ts (tasks as resources), process.ts.
 */

export type { TaskRecord, TaskState } from '../runtime/index.js';
export { type Answer, json, Problem, text } from './answer.js';
export { readBody, readJson, readText } from './body.js';
export { toJson } from './json.js';
export * from './process.js';
export * from './queue.js';
export { type Started, TaskResource, taskRoutes, view } from './resource.js';
export type { Exchange, Handler, Route, Routes } from './router.js';
export { createHttpServer } from './server.js';
