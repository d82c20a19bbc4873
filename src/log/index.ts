/**
 * What the log says, and how it gets out. To be read in this order: log.ts (lines), fields.ts (JSON), outcome.ts (what a
 * task threw, as data), report.ts (the lines about it).
 */
export { addFields, isJson, jsonLine, printJson, withFields } from './fields.js';
export { printDirectly, tameStreams } from './log.js';
export { describeThrown, restoreThrown, type Thrown } from './outcome.js';
export { type Print, reportFailure, safely } from './report.js';
