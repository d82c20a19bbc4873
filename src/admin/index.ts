/**
 * The admin address: a live page, metrics, and every task, for whoever runs the server. It is a server of its own, on an
 * address of its own, and nothing but `server.ts` knows of it: without this folder and the lines there that name it, all
 * else works as before.
 */
export { startAdmin } from './start.js';
