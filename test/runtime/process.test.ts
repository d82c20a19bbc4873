/** A process lives while a task is open, and no longer; idle it costs nothing. */
import assert from 'node:assert/strict';
import { program, TASKS, tasksFile, test } from './support/setup.js';

/** What each script begins with. `counts`: at its end so many tasks must have counted. */
const HEAD = `
  import assert from 'node:assert/strict';
  import { tasks } from '${TASKS}';
  import { startProducer } from '${new URL('./fixtures/producer.js', import.meta.url)}';
  import { words } from '${new URL('./support/words.js', import.meta.url)}';
  const [tx, rx] = channel(32);
  const start = (tasks = '${TASKS}') => startRuntime(rx, { tasks: new URL(tasks), log: false });
  const counts = (count) => process.on('exit', () => assert.equal(Atomics.load(words, 1), count));`;

const SCRIPTS = {
  'A process runs all tasks that nobody awaits, nor their sends, and ends by itself': `
    counts(100);
    await start();
    for (let n = 0; n < 100; n++) void runTask(tasks.countLater(1, 1), tx);`,
  'A process whose worker thread dies runs all tasks, and ends by itself': `
    counts(30);
    await start();
    for (let n = 0; n < 30; n++) tryRunTask(n % 10 === 5 ? tasks.exit(1, 1) : tasks.count(1), tx);`,
  'A process runs all tasks that another thread has sent, and ends by itself': `
    counts(100);
    await start();
    startProducer({ handle: tx.share(), name: 'countLater', args: [1, 1], count: 100 });`,
  'A process ends by itself once a closed channel is empty': `
    await start();
    const handle = await runTask(tasks.later('late', 300), tx);
    tx.close();
    assert.equal(await handle.finished(), 'late');`,
  'A process ends by itself if its runtime is not used, nor its start awaited': `
    void start();`,
  'A process ends by itself if a runtime cannot be started': `
    await assert.rejects(start('file:///missing.js'), { code: 'ERR_MODULE_NOT_FOUND' });`,
  'A process ends by itself after close, although a task blocked the thread': `
    const runtime = await start();
    await runTask(tasks.hold(2), tx);
    assert.equal((await runtime.close()).unfinished.length, 1);`,
  'A thread that runs out of memory fails its task, and the queue goes on': `
    counts(1);
    await start();
    const exhausted = await runTask(tasks.exhaust(1), tx);
    const next = await runTask(tasks.echo('next'), tx);
    await assert.rejects(exhausted.finished(), ({ code, cause }) => {
      assert.deepEqual([code, cause.code], ['ERR_WORKER_CRASHED', 'ERR_WORKER_OUT_OF_MEMORY']);
      return true;
    });
    assert.equal(await next.finished(), 'next');`,
  'An idle runtime takes less than five thousandths of a core, after work': `
    await start();
    for (let n = 0; n < 1000; n++) await (await runTask(tasks.swift(), tx)).finished();
    let least = 1; // of a few half seconds: the rest is left from before
    for (let window = 0; window < 8 && least > 0.001; window++) {
      const [before, from] = [process.cpuUsage(), performance.now()];
      await new Promise((resolve) => setTimeout(resolve, 500));
      const { user, system } = process.cpuUsage(before);
      least = Math.min(least, (user + system) / 1000 / (performance.now() - from));
    }
    assert.ok(least < 0.005, least);`,
};

for (const [title, script] of Object.entries(SCRIPTS))
  test(title, async (t) => {
    const flags = script.includes('exhaust') ? ['--max-old-space-size=64'] : [];
    const { code, stderr } = await program(tasksFile(t, HEAD + script).url, '', ...flags);
    assert.equal(code, 0, stderr);
  });
