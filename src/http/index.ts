/** What any HTTP application needs. Other folders come in through here. */
export { type Service, serve } from './serve.js';
