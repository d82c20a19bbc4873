/** What the type checker accepts and refuses. The checks are made when this file is compiled. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  asyncTask,
  channel,
  currentTask,
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

function parameters(): void {
  syncTask((_text: string) => {});
  syncTask((_order: Order) => {});
  syncTask((_map: Map<string, Set<Date>>, _set: Set<number[]>, _date: Date) => {});
  syncTask((_tree: Tree, _linked: Linked) => {});
  syncTask((_json: Json, ..._more: Json[]) => {});
  syncTask((_matrix: readonly (readonly number[])[]) => {});
  syncTask((_value: unknown) => {});
  syncTask((_pair: [string, number], ..._rest: string[]) => {});
  syncTask((_choice: 'a' | 'b', _perhaps?: number) => {});
  syncTask((_data: Point) => {});
  syncTask((_bytes: ArrayBuffer, _view: DataView) => {});
  // A generic function is taken at its widest.
  same<ReturnType<typeof generic.first>, Task<unknown>>(true);
  same<Parameters<typeof generic.first>, [list: unknown[]]>(true);
  same<Parameters<typeof generic.text>, [text: string]>(true);

  // @ts-expect-error a function
  syncTask((_callback: () => void) => {});
  // @ts-expect-error what is sometimes a function
  syncTask((_either: string | (() => void)) => {});
  // @ts-expect-error a list of functions
  syncTask((_callbacks: (() => void)[]) => {});
  // @ts-expect-error functions behind the first parameter
  syncTask((_text: string, ..._callbacks: (() => void)[]) => {});
  // @ts-expect-error a function inside an object
  syncTask((_options: { name: string; done: (error: Error) => void }) => {});
  // @ts-expect-error a promise
  syncTask((_promise: Promise<string>) => {});
  // @ts-expect-error a promise among others
  asyncTask(async (_values: (number | Promise<number>)[]) => {});
  // @ts-expect-error a class instance with methods
  syncTask((_account: Account) => {});
  // @ts-expect-error a class instance with methods, as the value of a map
  syncTask((_accounts: Map<string, Account>) => {});
  // @ts-expect-error a function in a set
  syncTask((_callbacks: Set<() => void>) => {});
  // @ts-expect-error a constructor
  syncTask((_type: new () => Date) => {});
  // @ts-expect-error shared memory
  syncTask((_memory: SharedArrayBuffer) => {});
  // @ts-expect-error a view of shared memory
  syncTask((_view: Int32Array<SharedArrayBuffer>) => {});
  // @ts-expect-error a symbol
  syncTask((_symbol: symbol) => {});
  // @ts-expect-error a weak map
  syncTask((_weak: WeakMap<object, string>) => {});
  // @ts-expect-error a function deep inside a recursive type
  syncTask((_node: { next: { visit(): void } | null }) => {});
}

function kindsAndResults(): void {
  // @ts-expect-error a sync task must not be given an async function
  syncTask(async (text: string) => text);
  // @ts-expect-error nor one that returns a promise
  syncTask((text: string) => Promise.resolve(text));
  // @ts-expect-error an async task must return a promise
  asyncTask((text: string) => text);

  // @ts-expect-error a function cannot be a result
  syncTask(() => () => 1);
  // @ts-expect-error nor can what contains one
  asyncTask(async () => ({ name: '', save() {} }));
  // @ts-expect-error nor an instance with methods
  syncTask(() => new Account());
  // @ts-expect-error nor a symbol
  asyncTask(async () => Symbol('result'));
  // @ts-expect-error nor what is sometimes a function
  syncTask((): string | (() => void) => '');
  // @ts-expect-error nor a list of functions
  syncTask((): (() => void)[] => []);

  syncTask((): never => {
    for (;;);
  });
  asyncTask((): Promise<never> => new Promise(() => {}));
  syncTask(() => {});
  syncTask((): unknown => 1);
  asyncTask(async (): Promise<Json> => null);
  asyncTask(async (): Promise<Map<string, Tree>> => new Map());

  syncTask(() => {}, { timeout: 100 });
  // @ts-expect-error not an option
  syncTask(() => {}, { retries: 3 });
  // @ts-expect-error not a number
  syncTask(() => {}, { timeout: '100' });
}

const generic = defineTasks({
  first: syncTask(<T>(list: T[]) => list[0]),
  text: asyncTask(async <T extends string>(text: T) => text),
});

const tasks = defineTasks({
  length: syncTask((text: string) => text.length),
  fetch: asyncTask(async (id: number, _deep?: boolean) => ({ id, found: new Date() })),
  nothing: syncTask(() => {}),
  forever: syncTask((): never => {
    for (;;);
  }),
});

async function building(): Promise<void> {
  const [tx, rx] = channel<Task>();
  same<ReturnType<typeof tasks.length>, Task<number>>(true);
  same<Parameters<typeof tasks.fetch>, [id: number, _deep?: boolean | undefined]>(true);
  same<ReturnType<typeof tasks.fetch>, Task<{ id: number; found: Date }>>(true);
  same<ReturnType<typeof tasks.forever>, Task<never>>(true);

  const handle = await runTask(tasks.length('foo'), tx);
  same<typeof handle, TaskHandle<number>>(true);
  const length = await handle.finished();
  same<typeof length, number>(true);
  const fetched = await (await runTask(tasks.fetch(1), tx)).finished();
  same<typeof fetched, { id: number; found: Date }>(true);
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
  // @ts-expect-error a sync task's function is not a definition
  defineTasks({ length: (text: string) => text.length });
}

async function moving(): Promise<void> {
  const [tx] = channel<Task>();
  const someVar = 'foo';
  const length = await (
    await runTask(
      move({ someVar }, ({ someVar }) => someVar.length),
      tx,
    )
  ).finished();
  same<typeof length, number>(true);
  const text = move({ someVar }, async ({ someVar }, context) => {
    same<typeof context.id, number>(true);
    same<typeof context.signal, AbortSignal>(true);
    return someVar;
  });
  same<typeof text, Task<string>>(true);
  move({ order: {} as Order, tree: {} as Tree, json: {} as Json, anything: {} as unknown }, () => {});
  move({}, (): never => {
    throw new Error();
  });

  // @ts-expect-error a function cannot be captured
  move({ log: () => {} }, ({ log }) => log());
  // @ts-expect-error nor a promise
  move({ later: Promise.resolve(1) }, () => {});
  // @ts-expect-error nor an instance with methods
  move({ account: new Account() }, () => {});
  // @ts-expect-error nor a symbol
  move({ key: Symbol('key') }, () => {});
  // @ts-expect-error a result that cannot cross
  move({ someVar }, () => () => {});
  // @ts-expect-error what an async closure resolves with cannot cross
  move({ someVar }, async () => new Account());
  // @ts-expect-error what is sometimes a function
  move(Math.random() < 0.5 ? { someVar } : { log: () => {} }, () => {});
  // @ts-expect-error only what was captured
  move({ someVar }, ({ other }) => other);
}

function sendable(): void {
  same<Sendable<string>, string>(true);
  same<Sendable<() => void>, never>(true);
  same<Sendable<Promise<string>>, never>(true);
  same<Sendable<symbol>, never>(true);
  same<Sendable<unknown>, unknown>(true);
  same<Sendable<{ a: number; f: () => void }>, never>(true);
  same<Sendable<{ a: number; f: Date }>, { a: number; f: Date }>(true);
  same<Sendable<string | (() => void)>, never>(true);
  same<Sendable<Map<string, symbol>>, never>(true);
  currentTask satisfies () => { readonly cancelled: boolean };
}

test('What can cross a thread compiles, and what cannot does not', () => {
  for (const checked of [parameters, kindsAndResults, building, moving, sendable]) {
    assert.equal(typeof checked, 'function');
  }
});
