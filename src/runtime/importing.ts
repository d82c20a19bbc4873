/** This thread is importing a tasks module, as a worker thread. Meanwhile no runtime may be started here. */
let importing = false;

export function setImporting(value: boolean): void {
  importing = value;
}

/** @throws Error if this thread is importing its tasks */
export function expectProgram(): void {
  if (!importing) return;
  throw new Error(
    'Expected startRuntime to be called by the program, not by its tasks module, which the worker thread imports, too: ' +
      'put the tasks into a file of their own',
  );
}
