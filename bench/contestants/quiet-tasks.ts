/** A task that does nothing: printing a line would cost more than a request. */
import { defineTasks, syncTask } from '#index';

export const tasks = defineTasks({ nothing: syncTask(() => {}) });
