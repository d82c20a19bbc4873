/** The tasks of all recipes. The program builds them from this module, and the worker thread imports it to run them. */
import { setTimeout as sleep } from 'node:timers/promises';
import { asyncTask, currentTask, defineTasks, syncTask } from 'async-tasks';

export const tasks = defineTasks({
  countWords: syncTask((text: string) => text.match(/\S+/g)?.length ?? 0),
  wait: asyncTask((ms: number) => sleep(ms, ms, { signal: currentTask().signal })),
  fetchText: asyncTask(async (url: string) => {
    const response = await fetch(url, { signal: currentTask().signal });
    if (!response.ok) throw new Error(`Expected ${url} to answer, got ${response.status}`);
    return response.text();
  }),
});
