/** A thread that ends between two given instructions on shared memory. */

/** Ends this thread before, or after, its `count`th call of an `Atomics` function from now on. */
export function armExit(count: number, after: boolean): void {
  let left = count;
  for (const name of [
    'load',
    'store',
    'add',
    'or',
    'and',
    'exchange',
    'compareExchange',
    'notify',
  ] as const) {
    const original = Atomics[name] as (...args: unknown[]) => unknown;
    Object.assign(Atomics, {
      [name](...args: unknown[]) {
        left -= 1;
        if (left === 0 && !after) die();
        const result = Reflect.apply(original, Atomics, args);
        if (left === 0) die();
        return result;
      },
    });
  }
}

function die(): void {
  const exit: (code: number) => void = process.exit;
  exit(9);
  for (;;); // the thread ends within this loop
}
