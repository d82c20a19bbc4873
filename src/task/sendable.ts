/**
 * What can cross to another thread, as far as types can tell: the compiler's half of what `Encoder` checks at run time.
 * They also refuse what a clone would leave behind: methods, keys that are symbols, what a subclass adds.
 *
 * Types see structure alone. A class without methods passes for the plain object as which it arrives; `any`, `unknown`
 * and `object` pass whatever they hold. Such values are checked when they are sent.
 */

type Primitive = string | number | boolean | bigint | null | undefined;
type Callable = ((...args: never) => unknown) | (abstract new (...args: never) => unknown);
type Shared = SharedArrayBuffer | { readonly buffer: SharedArrayBuffer };
type BuiltIn = Date | RegExp | ArrayBuffer | ArrayBufferView;
/** The members of built-in classes, of any of them: a class that has more is a subclass. */
type Member<T> = T extends ArrayBufferView
  ? keyof Uint8Array | keyof BigInt64Array | keyof DataView | keyof Buffer
  : T extends Date
    ? keyof Date
    : T extends RegExp
      ? keyof RegExp
      : keyof ArrayBuffer;

/** Stands for a type on the way to `T`, and for no other: its `T` goes in and out. */
interface Seen<in out T> {
  readonly type: (value: T) => T;
}

/**
 * What is in the way of `T`: messages such as `args[0].user.save is a function`, or `never`. `Outer` ends the walk
 * through types that contain themselves.
 */
export type Problem<T, Path extends string, Outer = never> = unknown extends T
  ? never
  : T extends Primitive
    ? never
    : Seen<T> extends Outer
      ? never
      : T extends symbol
        ? `${Path} is a symbol`
        : T extends Callable
          ? `${Path} is a function`
          : T extends PromiseLike<unknown>
            ? `${Path} is a promise`
            : T extends Shared
              ? `${Path} is shared memory`
              : T extends BuiltIn
                ? Extra<T, Member<T>, Path>
                : T extends ReadonlyMap<infer K, infer V>
                  ?
                      | Extra<T, keyof Map<K, V>, Path>
                      | Problem<K, `${Path}.keys`, Outer | Seen<T>>
                      | Problem<V, `${Path}.values`, Outer | Seen<T>>
                  : T extends ReadonlySet<infer V>
                    ? Extra<T, keyof Set<V>, Path> | Problem<V, `${Path}.values`, Outer | Seen<T>>
                    : T extends readonly (infer V)[]
                      ?
                          | Extra<T, keyof V[] | `${number}`, Path>
                          | Problem<V, `${Path}[number]`, Outer | Seen<T>>
                      : InObject<T, Path, Outer | Seen<T>>;

/** Members beside those of the built-in class would not arrive. */
type Extra<T, Members, Path extends string> =
  Exclude<keyof T, Members> extends infer K
    ? K extends string | number
      ? `${Path}.${K} is no member of the built-in class`
      : never
    : never;

/** Methods alone, if there are any: what else an instance holds does not matter then. */
type InObject<T, Path extends string, Outer> = [Methods<T>] extends [never]
  ? {
      [K in keyof T]-?: K extends string | number
        ? Problem<T[K], `${Path}.${K}`, Outer>
        : `${Path} has a symbol for a key`;
    }[keyof T]
  : `${Path}.${Methods<T>} is a function`;
type Methods<T> = {
  [K in keyof T]-?: K extends string | number ? (NonNullable<T[K]> extends Callable ? K : never) : never;
}[keyof T];

/** `T` if its values can cross a thread, otherwise `never`. */
export type Sendable<T> = [Problem<T, 'value'>] extends [never] ? T : never;

/** What the compiler shows in place of a type that cannot cross. */
export interface NotSendable<Message> {
  readonly [message]: Message;
}
declare const message: unique symbol;

/** `Fine`, or why `T` cannot cross. */
export type Checked<T, Path extends string, Fine = unknown, Also = never> = [Problem<T, Path>] extends [never]
  ? Fine
  : NotSendable<Problem<T, Path>> | Also;

/**
 * Parameters, each as it is or why it cannot cross: so the compiler's error names the one that is in the way. To a
 * parameter whose members are all optional any object could be given, but not `void`.
 */
export type CheckedArgs<A extends readonly unknown[]> = {
  [K in keyof A]: Checked<
    A[K],
    K extends string ? `args[${K}]` : 'args[number]',
    A[K],
    object extends A[K] ? void : never
  >;
};
