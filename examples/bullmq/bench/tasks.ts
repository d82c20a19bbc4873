/** Tasks that compute for so many milliseconds. */
import { defineTasks, syncTask } from '#engine/core';

export const tasks = defineTasks({
  compute: syncTask((ms: number) => {
    const end = performance.now() + ms;
    while (performance.now() < end);
  }),
});
