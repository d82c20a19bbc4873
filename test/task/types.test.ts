/** What the type checker accepts and refuses. The checks are made when this file is compiled. */
import { test } from 'node:test';
import {
  asyncTask,
  channel,
  defineTasks,
  move,
  runTask,
  type Sendable,
  syncTask,
  type Task,
  type TaskHandle,
} from '#index';

type Equal<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false;

/** Compiles only if `A` and `B` are the same type. */
function same<A, B>(_equal: Equal<A, B>): void {}

class Account {
  owner = '';
  save(): void {}
}

class Point {
  x = 0;
  y = 0;
}

interface Tree {
  value: number;
  children: Tree[];
  parent?: Tree;
}

interface Linked {
  readonly next?: Map<string, Linked[]> | undefined;
}

type Json = string | number | boolean | null | Json[] | { [key: string]: Json };

interface Order {
  id: bigint;
  placed: Date;
  lines: readonly { sku: string; count: number; note?: string }[];
  tags: Set<string>;
  prices: Map<string, { cents: number }>;
  bytes: Uint8Array;
  pattern: RegExp;
  cause: Error | null;
}

type EachSendable<T extends readonly unknown[]> = { [K in keyof T]: Sendable<T[K]> };

type Crossing = [
  ...[string, 'a' | 'b', Order, Tree, Linked, Json, Point, unknown, ArrayBuffer, DataView],
  ...[Map<string, Set<Date>>, Set<number[]>, readonly (readonly number[])[], [string, number]],
  ...[{ a: ReturnType<typeof JSON.parse>; b?: undefined; c?: never }],
];
type Refused = [
  ...[() => void, string | (() => void), (() => void)[], Set<() => void>, new () => Date, symbol],
  ...[Promise<string>, (number | Promise<number>)[], Account, Map<string, Account>, Map<string, symbol>],
  ...[SharedArrayBuffer, Int32Array<SharedArrayBuffer>, WeakMap<object, string>],
  ...[{ name: string; done: (error: Error) => void }, { next: { visit(): void } | null }],
];
same<EachSendable<Crossing>, Crossing>(true);
same<EachSendable<Refused>[number], never>(true);

function defining(): void {
  syncTask((_order: Order, _perhaps?: number, ..._rest: string[]) => {});
  syncTask((): unknown => 1, { timeout: 100 });
  asyncTask(async (): Promise<Map<string, Tree>> => new Map());
  asyncTask((): Promise<never> => new Promise(() => {}));

  // @ts-expect-error a function is no argument, not even one that may be left out
  syncTask((_text: string, _options: { log?(): void }) => {});
  // @ts-expect-error nor are functions behind the first parameter
  asyncTask(async (_text: string, ..._callbacks: (() => void)[]) => {});
  // @ts-expect-error a function is no result
  syncTask((): string | (() => void) => '');
  // @ts-expect-error nor is an instance with methods
  asyncTask(async () => new Account());
  // @ts-expect-error a sync task must not be given an async function
  syncTask(async (text: string) => text);
  // @ts-expect-error nor one that returns a promise
  syncTask((text: string) => Promise.resolve(text));
  // @ts-expect-error an async task must return a promise
  asyncTask((text: string) => text);
  // @ts-expect-error not an option
  syncTask(() => {}, { retries: 3 });
  // @ts-expect-error not a number
  syncTask(() => {}, { timeout: '100' });
  // @ts-expect-error not made by syncTask
  defineTasks({ length: (text: string) => text.length });
}

const tasks = defineTasks({
  length: syncTask((text: string) => text.length),
  fetch: asyncTask(async (id: number, _deep?: boolean) => ({ id, found: new Date() })),
  nothing: syncTask(() => {}),
  forever: syncTask((): never => {
    for (;;);
  }),
  generic: syncTask(<T>(list: T[]) => list[0]),
});

async function running(): Promise<void> {
  const [tx, rx] = channel<Task>();
  same<ReturnType<typeof tasks.length>, Task<number>>(true);
  same<Parameters<typeof tasks.fetch>, [id: number, _deep?: boolean | undefined]>(true);
  same<ReturnType<typeof tasks.fetch>, Task<{ id: number; found: Date }>>(true);
  same<ReturnType<typeof tasks.forever>, Task<never>>(true);
  same<ReturnType<typeof tasks.generic>, Task<unknown>>(true); // taken at its widest
  const handle = await runTask(tasks.length('foo'), tx);
  same<typeof handle, TaskHandle<number>>(true);
  const nothing = await (await runTask(tasks.nothing(), tx)).finished();
  same<typeof nothing, void>(true);
  await tx.send(tasks.length('foo'));
  same<Awaited<ReturnType<typeof rx.recv>>, Task | undefined>(true);

  // @ts-expect-error a wrong argument type
  tasks.length(1);
  // @ts-expect-error an argument missing
  tasks.length();
  // @ts-expect-error one argument too many
  tasks.length('foo', 'bar');
  // @ts-expect-error no such task
  tasks.width('foo');
  // @ts-expect-error a function is not a task
  void runTask(() => {}, tx);
}

function moving(): void {
  const someVar = 'foo';
  const text = move({ someVar, order: {} as Order, json: {} as Json }, async ({ someVar }, context) => {
    same<typeof context.id, number>(true);
    same<typeof context.signal, AbortSignal>(true);
    return someVar;
  });
  same<typeof text, Task<string>>(true);

  // @ts-expect-error a function cannot be captured
  move({ log: () => {} }, ({ log }) => log());
  // @ts-expect-error nor what is sometimes one
  move(Math.random() < 0.5 ? { someVar } : { log: () => {} }, () => {});
  // @ts-expect-error a result that cannot cross
  move({ someVar }, () => () => {});
  // @ts-expect-error what an async closure resolves with cannot cross
  move({ someVar }, async () => new Account());
  // @ts-expect-error only what was captured
  move({ someVar }, ({ other }) => other);
}

test('What can cross a thread compiles, and what cannot does not', () => {
  void [defining, running, moving];
});
