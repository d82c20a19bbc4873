/**
 * What any HTTP application on a queue needs: routes, bodies, problems, and tasks as resources. It knows nothing of the
 * routes and tasks of this one, and of how tasks are run only what `queue.ts` says. Others come in through here.
 */
export { type Answer, json, text } from './answer.js';
export { readBody, readText } from './body.js';
export { toJson } from './json.js';
export { type Address, basePathFrom, hostFrom, integerFrom, listen, StartError } from './listen.js';
export { Problem } from './problem.js';
export { maxTaskBytes, type Patience, type Queue, queueOf } from './queue.js';
export { TaskResource, taskRoutes } from './resource.js';
export type { Exchange, Handler, Route, Routes } from './router.js';
export { type Service, serve } from './serve.js';
export { createHttpServer } from './server.js';
