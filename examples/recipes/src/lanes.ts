/**
 * Two lanes behind one server: long tasks never keep short ones waiting. Each lane is a channel with a worker thread of
 * its own, and the routes see one queue: `new TaskResource(twoLanes(await lane(), await lane(), isLong))`.
 */
import { channel, startRuntime, type Task } from 'async-tasks';
import { type Queue, queueOf } from 'async-tasks/http';

export async function lane(): Promise<Queue> {
  const [tx, rx] = channel<Task>(32);
  return queueOf(tx, await startRuntime(rx, { tasks: new URL('./tasks.js', import.meta.url) }));
}

export function twoLanes(short: Queue, long: Queue, isLong: (task: Task) => boolean): Queue {
  const lanes = [short, long];
  const laneOf = async (key: string) => ((await short.read(key)) === undefined ? long : short);
  return {
    enqueue: (task, options) => (isLong(task) ? long : short).enqueue(task, options),
    read: async (key) => (await laneOf(key)).read(key),
    cancel: async (key) => (await laneOf(key)).cancel(key),
    ended: async (key) => (await laneOf(key)).ended(key),
    get ready() {
      return lanes.every((each) => each.ready);
    },
    get failing() {
      return lanes.some((each) => each.failing);
    },
    get ending() {
      return lanes.some((each) => each.ending);
    },
    drain: async (options) => {
      const reports = await Promise.all(lanes.map((each) => each.drain(options)));
      const of = (key: 'finished' | 'unfinished') => reports.flatMap((report) => report[key]);
      return { finished: of('finished'), unfinished: of('unfinished') };
    },
    close: () => Promise.all(lanes.map((each) => each.close())),
    atStake: () => lanes.flatMap((each) => each.atStake()),
  };
}
