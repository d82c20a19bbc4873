/** Why a value cannot cross, and where in the whole it is. */
import { types } from 'node:util';
import { NotSendableError } from './errors.js';
import { BINARY_TYPES } from './wire.js';

/**
 * On its way from a value that cannot cross up to `encode`; each container that it passes puts its part before the
 * path. So no path is kept while all goes well.
 */
export class Refusal {
  path = '';
  complete = false;
  problem: string;
  readonly #tooDeep: object | undefined;
  #loop = '';

  constructor(problem: string, tooDeep?: object) {
    this.problem = problem;
    this.#tooDeep = tooDeep;
  }

  within(container: object, segment: string): this {
    if (this.complete) return this;
    this.path = segment + this.path;
    if (container === this.#tooDeep) {
      // Nested without end because it contains itself. Once around is all that the path needs to show.
      this.#loop ||= this.path;
      this.path = this.#loop;
      this.problem = 'refers back to an object that contains it: send a tree, or ids in place of references';
    }
    return this;
  }

  toError(): NotSendableError {
    const path = this.complete ? this.path : `value${this.path}`;
    const short = path.length <= 240 ? path : `${path.slice(0, 120)} … ${path.slice(-120)}`;
    return new NotSendableError(short, this.problem);
  }
}

/** The error, on its way up through `container`. */
export function located(error: unknown, container: object, segment: string): unknown {
  return error instanceof Refusal ? error.within(container, segment) : error;
}

/** How a path names what the key leads to. */
export function property(key: string): string {
  return /^[\p{ID_Start}$_][\p{ID_Continue}$]*$/u.test(key) ? `.${key}` : `[${JSON.stringify(key)}]`;
}

const names = new WeakMap<object, string>([[Buffer.prototype, 'Buffer']]);

/**
 * The name of the built-in class that this is the prototype of, in whatever realm; '' for any other object. Only a
 * built-in constructor shows its name above native code.
 */
export function builtInName(prototype: object): string {
  let name = names.get(prototype);
  if (name === undefined) {
    const { constructor: type } = prototype;
    const own = typeof type === 'function' && type.prototype === prototype;
    const source = own ? Function.prototype.toString.call(type) : '';
    name = /^function (\w+)\(\) \{ \[native code\] \}$/.exec(source)?.[1] ?? '';
    names.set(prototype, name);
  }
  return name;
}

export function unsendable(value: object, prototype: object): Refusal {
  if (types.isProxy(value)) return new Refusal('is a proxy: send what it stands for');
  if (types.isPromise(value)) return new Refusal('is a promise: await it and send what it gives');
  if (types.isBoxedPrimitive(value))
    return new Refusal('is a boxed primitive: send the primitive, `valueOf()`');
  const name = className(value, prototype);
  const what = typeof name === 'string' && name !== '' ? `an instance of ${name}` : 'an instance of a class';
  return new Refusal(`is ${what}: send a plain ${baseName(prototype)} with its data`);
}

function className(value: object, prototype: object): unknown {
  const { constructor: type } = prototype;
  // Iterators and generators have no class of their own, but a tag.
  const tag: unknown = type?.prototype === prototype ? '' : Reflect.get(value, Symbol.toStringTag);
  return tag || type?.name;
}

const BASES = ['Array', 'Map', 'Set', 'Date', 'RegExp', ...BINARY_TYPES.map(({ name }) => name)];

/** What the class is a subclass of, as far as that can cross. */
function baseName(prototype: object): string {
  const base: object | null = Object.getPrototypeOf(prototype);
  if (base === null) return 'object';
  const name = builtInName(base);
  return BASES.includes(name) ? name : baseName(base);
}
