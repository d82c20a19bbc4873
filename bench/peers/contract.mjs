/**
 * What each peer does: `count` tasks go to one thread, with at most `capacity` on the way, and each adds the size of
 * what it captured to a sum. The setup comes as JSON in the program's argument, the result goes as JSON to its standard
 * output.
 */

const PAYLOADS = {
  number: 11,
  string: 'foo bar baz',
  object: { user: 'foo bar baz', id: 17, urgent: true },
  '1KiB': 'x'.repeat(1024),
  '32KiB': 'x'.repeat(32 * 1024),
};

/** The work of a task. */
export function sizeOf(captured) {
  if (typeof captured === 'string') return captured.length;
  return typeof captured === 'number' ? captured : 11;
}

/** The setup that the program was started with, and what its tasks capture. */
export function readSetup() {
  const setup = JSON.parse(process.argv[2] ?? '{}');
  const captured = PAYLOADS[setup.payload];
  if (captured === undefined) throw new Error(`Expected \`payload\` to be known, got ${setup.payload}`);
  return { ...setup, captured };
}

/** The whole benchmark of a library that has one producer and answers each task: `run` resolves to its size. */
export async function contend(setup, run) {
  const { count, producers, capacity, captured } = setup;
  if (producers !== 1) throw new Error('Expected one producer');
  let sum = 0;
  const runAll = async (tasks) => {
    sum = 0;
    let left = tasks;
    const lane = async () => {
      while (left > 0) {
        left -= 1;
        const size = await run(captured);
        sum += size;
      }
    };
    await Promise.all(Array.from({ length: capacity }, lane));
  };
  await runAll(Math.ceil(count / 4)); // from here on its thread is up, and its code compiled
  const [begin, used] = [performance.now(), process.cpuUsage()];
  await runAll(count);
  const { user, system } = process.cpuUsage(used);
  finish(setup, performance.now() - begin, sum, (user + system) / 1000);
}

/** Ends the program with its result, or with an error if a task is missing. */
export function finish({ count, producers, captured }, ms, sum, cpu) {
  const tasks = count * producers;
  const expected = tasks * sizeOf(captured);
  if (sum !== expected) throw new Error(`Expected a sum of ${expected}, got ${sum}`);
  end({ tasks, ms, sum, cpu });
}

/** Ends the program with one line of JSON. */
export function end(result) {
  process.stdout.write(`${JSON.stringify(result)}\n`, () => process.exit(0));
}
