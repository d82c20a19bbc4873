/** A thread that ends between two given instructions on shared memory. */

const ALL = ['load', 'store', 'add', 'or', 'and', 'exchange', 'compareExchange', 'notify'] as const;

/** Ends this thread before, or after, its `count`th call of one of these `Atomics` functions from now on. */
export function armExit(count: number, after: boolean, names: readonly (typeof ALL)[number][] = ALL): void {
  let left = count;
  for (const name of names) {
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
