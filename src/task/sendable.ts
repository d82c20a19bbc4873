/**
 * What can cross to another thread, as far as types can tell: the compiler's half of what `Encoder` checks at run time.
 * It also refuses what a clone would leave behind: methods, and keys that are symbols.
 *
 * Types see structure alone. A class without methods passes for the plain object as which it arrives; `any`, `unknown`
 * and `object` pass whatever they hold. Such values are checked when they are sent.
 */

type Callable = ((...args: never) => unknown) | (abstract new (...args: never) => unknown);
type Shared = SharedArrayBuffer | { readonly buffer: SharedArrayBuffer };
type Primitive = string | number | boolean | bigint | null | undefined;
type BuiltIn = Date | RegExp | ArrayBuffer | ArrayBufferView;

/** Stands for a type on the way to `T`, and for no other: its `T` goes in and out. */
interface Seen<in out T> {
  readonly type: (value: T) => T;
}

/**
 * What is in the way of `T`: messages such as `args[0].user.save is a function`, or `never`. `Outer` ends the walk
 * through types that contain themselves.
 */
type Problem<T, Path extends string, Outer = never> = unknown extends T
  ? never
  : T extends Shared
    ? `${Path} is shared memory`
    : T extends Primitive | BuiltIn
      ? never
      : T extends symbol
        ? `${Path} is a symbol`
        : T extends Callable
          ? `${Path} is a function`
          : T extends PromiseLike<unknown>
            ? `${Path} is a promise`
            : Seen<T> extends Outer
              ? never
              : InContainer<T, Path, Outer | Seen<T>>;

type InContainer<T, Path extends string, Outer> =
  T extends ReadonlyMap<infer K, infer V>
    ? Problem<K, `${Path}.keys`, Outer> | Problem<V, `${Path}.values`, Outer>
    : T extends ReadonlySet<infer V>
      ? Problem<V, `${Path}.values`, Outer>
      : T extends readonly unknown[]
        ? {
            [K in keyof T]-?: Problem<T[K], `${Path}[${K extends string ? K : 'number'}]`, Outer>;
          }[number]
        : [Method<T, keyof T>] extends [never]
          ? {
              [K in keyof T]-?: K extends string | number
                ? Problem<T[K], `${Path}.${K}`, Outer>
                : `${Path} has a symbol for a key`;
            }[keyof T]
          : `${Path}.${Method<T, keyof T>} is a function`;

/** The names of methods. If there are any, they are all that the compiler reports of an object. */
type Method<T, K extends keyof T> = K extends string | number
  ? unknown extends T[K]
    ? never
    : [Extract<T[K], Callable>] extends [never]
      ? never
      : K
  : never;

/** `T` if its values can cross a thread, otherwise `never`. */
export type Sendable<T> = [Problem<T, 'value'>] extends [never] ? T : never;

/** Nothing to add to `T`, or why it cannot cross: the compiler shows that text, and no value has its type. */
export type Checked<T, Path extends string> = [Problem<T, Path>] extends [never] ? unknown : Problem<T, Path>;
