/** A way to Redis that breaks once. */
import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import type { TestContext } from 'node:test';
import type { RedisServer } from './redis.js';

export interface Cut {
  readonly url: string;
  readonly isDone: boolean;
}

/** A connection is cut instead of passing on the first piece, in either direction, in which `text` is. */
export async function cutAt(t: TestContext, redis: RedisServer, text: string): Promise<Cut> {
  let isDone = false;
  const pass = (from: Socket, to: Socket) => {
    from.on('data', (data) => {
      if (isDone || !data.includes(text)) to.write(data);
      else {
        isDone = true;
        from.destroy();
      }
    });
    from.on('error', () => {}).on('close', () => to.destroy());
  };
  const between = createServer((socket) => {
    const onward = connect(Number(new URL(redis.url).port), '127.0.0.1');
    pass(socket, onward);
    pass(onward, socket);
  });
  between.listen(0, '127.0.0.1');
  t.after(() => between.close());
  await once(between, 'listening');
  return {
    url: `redis://127.0.0.1:${(between.address() as AddressInfo).port}`,
    get isDone() {
      return isDone;
    },
  };
}
