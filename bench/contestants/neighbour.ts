/** Other work on the machine: a process that computes until it is ended, or whoever started it has gone. */
const parent = process.ppid;
setInterval(() => process.ppid === parent || process.exit(), 1000);
(function compute(): void {
  for (const end = performance.now() + 10; performance.now() < end; );
  setImmediate(compute);
})();
