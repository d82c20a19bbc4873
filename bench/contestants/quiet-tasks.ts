/** The server's tasks by name, so that its application builds them; none prints, for a line costs more than a request. */
import { defineTasks, syncTask } from '#index';
import type { tasks as serverTasks } from '#tasks';

export const tasks = defineTasks({
  syncTask: syncTask(() => {}),
  asyncTask: syncTask(() => {}),
  countWords: syncTask((text: string) => text.match(/\S+/g)?.length ?? 0),
} satisfies Record<keyof typeof serverTasks, unknown>);
