/**
 * The admin address: a live page, metrics, and every task, for the person who runs the server. It is a server of its own
 * on an address of its own. Only `server.ts` imports it: without this folder and those lines, everything else works.
 */
export { startAdmin } from './start.js';
export type { Watched } from './watched.js';
