/** The server's tasks by name, so that its application builds them. None does anything: printing costs more than a request. */
import { defineTasks, syncTask } from '#index';
import { tasks as serverTasks } from '#tasks';

const names = Object.keys(serverTasks);
export const tasks = defineTasks(Object.fromEntries(names.map((name) => [name, syncTask(() => {})])));
