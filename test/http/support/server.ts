/** The application as a process: it starts, prints and ends by the code of `src/server.ts`. */
import { serve } from '#http';
import { Application } from './application.js';

await serve(() => Application.make({ log: true, module: process.env['TASKS'] || './tasks.js' }));
