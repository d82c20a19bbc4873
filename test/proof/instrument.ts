/**
 * Makes every function of a built module stoppable at each `Atomics` call, without changing what it does.
 *
 *   function f(x) { return g(x) + 1; }   →   function* f(x) { return $CALL(g(x)) + 1; }
 *
 * where `$CALL(e)` stands for `(($t = e) instanceof $Generator ? yield* $t : $t)`: a call of a function that has become
 * a generator runs it in place, any other value passes. A function that calls nothing (but `Math.…`) stays as it is.
 * `Atomics` is handed in by the caller, so an `Atomics` call can answer with a generator that stops the whole thread.
 *
 * Besides calls: a getter that cannot stay plain returns a generator, and every read of a property of that name is a
 * `$CALL`; a setter becomes a method; a constructor that cannot stay plain becomes a method too (`new C().$construct()`);
 * an async function becomes `$async(generator)`, its `await e` a `yield new $Await(e)`; `list.filter(f)` becomes
 * `$filter(list, f)`, which runs an f that has become a generator; so does `flatMap`.
 *
 * It knows the JavaScript that `tsc` prints for this project, no more; what it does not know it refuses.
 */
import { type Token, tokenize } from './tokens.js';

/** What the modules of one program must know of each other. Filled by looking at all of them until nothing is new. */
export interface Names {
  /** Getters that became generators. */
  readonly getters: Set<string>;
  readonly setters: Set<string>;
  /** Classes whose constructor became a method. */
  readonly classes: Set<string>;
  /** Functions that stayed as they are, `Math`, and what `Build` adds. */
  readonly plain: Set<string>;
}

export interface Instrumented {
  /** The body of a function of `$` (see `$async` and the others below) that returns the module's top-level names. */
  readonly code: string;
  /** Module → imported names. */
  readonly imports: ReadonlyMap<string, readonly string[]>;
}

const NOT_CALLED = new Set([
  'if',
  'for',
  'while',
  'switch',
  'catch',
  'function',
  'return',
  'super',
  'typeof',
]);
const OPERATORS = new Set(
  'return|case|typeof|void|delete|in|of|instanceof|else|do|throw|const|let|break|continue|default|try|finally|if|for|while|switch|catch'.split(
    '|',
  ),
);
const PREFIX =
  'const { Atomics, Int32Array, Float64Array, Uint8Array, Promise, MessageChannel, setTimeout, clearTimeout, performance, $async, $filter, $flatMap, $Await, $Generator } = $;\nlet $t;\n';

/** Instruments modules that import each other; `sources` is by file name. */
export function instrument(sources: Readonly<Record<string, string>>): Record<string, Instrumented> {
  const names: Names = {
    getters: new Set(),
    setters: new Set(),
    classes: new Set(['Promise']),
    plain: new Set(['Math']),
  };
  const size = (): number => Object.values(names).reduce((sum, { size }) => sum + size, 0);
  for (;;) {
    const before = size();
    const problems: string[] = [];
    const modules = Object.entries(sources).map(
      ([file, source]) => [file, new Instrumenter(source, names, problems).module()] as const,
    );
    if (size() !== before) continue;
    if (problems.length > 0) throw new SyntaxError(problems.join('\n'));
    return Object.fromEntries(modules);
  }
}

/** A function on the way: how many stops it has, and whether it may have any. */
interface Scope {
  stops: number;
  readonly at: 'top level' | 'parameters' | 'function';
}

class Instrumenter {
  readonly #tokens: Token[];
  readonly #names: Names;
  readonly #imports = new Map<string, string[]>();
  readonly #declared: string[] = [];
  /** Statements that give each variable of the module its first value again. */
  #reset = '';
  #scope: Scope = { stops: 0, at: 'top level' };
  #i = 0;

  /** What may turn out harmless when the names are complete. */
  readonly #problems: string[];

  constructor(source: string, names: Names, problems: string[]) {
    this.#problems = problems;
    this.#tokens = tokenize(source);
    this.#names = names;
  }

  module(): Instrumented {
    let body = '';
    while (this.#token.kind !== 'end') body += this.#topLevel();
    const code = `'use strict';\n${PREFIX}${body}\nconst $reset = () => {${this.#reset} };\nreturn { ${[...this.#declared, '$reset'].join(', ')} };`;
    return { code, imports: this.#imports };
  }

  // ── Reading ────────────────────────────────────────────────────────────────────────────────────────────────────

  get #token(): Token {
    return this.#peek(0);
  }

  #peek(ahead: number): Token {
    return this.#tokens[this.#i + ahead] ?? { gap: '', text: '', kind: 'end' };
  }

  #next(expected?: string): string {
    const { gap, text } = this.#token;
    if (expected !== undefined && text !== expected) this.#refuse(`expected ${expected} before`);
    this.#i += 1;
    return gap + text;
  }

  #refuse(what: string): never {
    const place = this.#tokens.slice(this.#i, this.#i + 12).map((token) => token.text);
    throw new SyntaxError(`Cannot instrument: ${what} ${place.join(' ')}`);
  }

  /** The index after the bracket that closes the one at `i`. */
  #close(i: number): number {
    for (let depth = 0; ; i++) {
      const text = this.#tokens[i]?.text;
      if (text === undefined) this.#refuse('unclosed bracket');
      if (text === '(' || text === '[' || text === '{') depth += 1;
      else if (text === ')' || text === ']' || text === '}') depth -= 1;
      if (depth === 0) return i + 1;
    }
  }

  // ── Modules and classes ────────────────────────────────────────────────────────────────────────────────────────

  #topLevel(): string {
    const { text, gap } = this.#token;
    if (text === 'import') return this.#import();
    if (text === 'export') {
      this.#next();
      return gap;
    }
    if (text === 'class') return this.#class();
    if (text === 'async') return this.#asyncFunction();
    if (['const', 'let', 'function'].includes(text)) this.#declared.push(this.#peek(1).text);
    return text === 'let' ? this.#variable() : this.#element();
  }

  /** Runs begin anew, modules are made once: so the first value is written again. */
  #variable(): string {
    let out = this.#next('let');
    const name = this.#token.text;
    let value = '';
    while (this.#token.text !== ';') value += this.#element();
    out += value + this.#next(';');
    this.#reset += value.trim() === name ? ` ${name} = undefined;` : `${value};`;
    return out;
  }

  #import(): string {
    const names: string[] = [];
    this.#next('import');
    this.#next('{');
    while (this.#token.text !== '}') {
      names.push(this.#next().trim());
      if (this.#token.text === ',') this.#next();
    }
    this.#next('}');
    this.#next('from');
    const file = this.#next().trim().slice(1, -1);
    this.#next(';');
    this.#imports.set(file, names);
    const given = names.filter((name) => !PREFIX.includes(` ${name},`));
    return `const { ${given.join(', ')} } = $.imports['${file}'];\n`;
  }

  #class(): string {
    let out = this.#next('class');
    const name = this.#token.text;
    this.#declared.push(name);
    out += this.#next();
    const derived = this.#token.text === 'extends';
    if (derived) for (const each of [name, this.#peek(1).text]) this.#names.classes.add(each);
    while (this.#token.text !== '{') out += this.#next();
    const end = this.#close(this.#i) - 1;
    out += this.#next('{');
    while (this.#i < end) out += this.#member(name);
    return out + this.#next('}');
  }

  /** One method, accessor or field. */
  #member(owner: string): string {
    const { gap, text } = this.#token;
    const second = this.#peek(1).text;
    const named = second !== '(' && second !== ';' && second !== '=';
    if (text === 'static' && named) {
      this.#next();
      return `${gap}static${this.#member(owner)}`;
    }
    if (text === 'async' && second === '*') return gap + this.#leaveOut();
    if (text === 'async' && named) {
      this.#next();
      return gap + this.#method('async');
    }
    if ((text === 'get' || text === 'set') && named) {
      this.#next();
      return gap + this.#accessor(text);
    }
    if (text === 'constructor') return gap + this.#builder(owner);
    if (second === '(') return gap + this.#method('');
    let field = '';
    while (this.#token.text !== ';') field += this.#element();
    return field + this.#next(';');
  }

  /** Async generators are not understood: `for await` over a receiver is a loop around `recv`. */
  #leaveOut(): string {
    while (this.#token.text !== '{') this.#i = this.#token.text === '(' ? this.#close(this.#i) : this.#i + 1;
    this.#i = this.#close(this.#i);
    return '';
  }

  #method(kind: '' | 'async'): string {
    const name = this.#next().trim();
    const { params, body, stops } = this.#function();
    if (kind === 'async') return `${name}${params} { return $async((function*() ${body}).call(this)); }`;
    return `${stops ? '*' : ''}${name}${params} ${body}`;
  }

  #accessor(kind: 'get' | 'set'): string {
    const name = this.#next().trim();
    const { params, body, stops } = this.#function();
    if (name === 'length') return ''; // a snapshot for people, and the name of too much else
    if (!stops) return `${kind} ${name}${params} ${body}`;
    if (kind === 'get') {
      this.#names.getters.add(name);
      return `get ${name}() { return (function*() ${body}).call(this); }`;
    }
    this.#names.setters.add(name);
    return `*$set_${name}${params} ${body}`;
  }

  #builder(owner: string): string {
    this.#next('constructor');
    const { params, body, stops } = this.#function();
    if (!stops && !this.#names.classes.has(owner)) return `constructor${params} ${body}`;
    this.#names.classes.add(owner);
    return `*$construct${params} ${body.slice(0, -1)} return this; }`;
  }

  /** Parameters and body, from the opening bracket on. */
  #function(): { params: string; body: string; stops: boolean } {
    const params = this.#within('parameters', () => this.#group()).out;
    const { out, stops } = this.#within('function', () => this.#group());
    return { params: params.trim(), body: out.trim(), stops: stops > 0 };
  }

  #within(at: Scope['at'], read: () => string): { out: string; stops: number } {
    const outer = this.#scope;
    this.#scope = { stops: 0, at };
    const out = read();
    const { stops } = this.#scope;
    this.#scope = outer;
    return { out, stops };
  }

  // ── Statements and expressions ─────────────────────────────────────────────────────────────────────────────────

  /** A bracket, all that is in it, and its partner. */
  #group(): string {
    const end = this.#close(this.#i) - 1;
    let out = this.#next();
    while (this.#i < end) out += this.#element();
    return out + this.#next();
  }

  /** One token, or as much as belongs together: a function, a bracket, an expression like `a.b(c)[d]`. */
  #element(): string {
    const { gap, text, kind } = this.#token;
    if (text === 'function') return this.#functionDeclaration();
    if (text === 'async' || text === 'yield' || text === 'class') this.#refuse('unsupported');
    if (text === 'await') {
      this.#next();
      this.#scope.stops += 1;
      return `${gap}(yield new $Await(${this.#element()}))`;
    }
    if (this.#isArrow()) return gap + this.#arrow();
    if (kind === 'word' && !OPERATORS.has(text) && this.#isMethod()) return gap + this.#method('');
    if (text === '(' || text === '[' || kind === 'string' || (kind === 'word' && !OPERATORS.has(text)))
      return gap + this.#chain();
    if (text === '{') return this.#group();
    return this.#next();
  }

  #functionDeclaration(): string {
    const start = this.#next('function');
    const name = this.#next().trim();
    const { params, body, stops } = this.#function();
    if (!stops) this.#names.plain.add(name);
    return `${start}${stops ? '*' : ''} ${name}${params} ${body}`;
  }

  #asyncFunction(): string {
    this.#next('async');
    const start = this.#next('function');
    const name = this.#next().trim();
    this.#declared.push(name);
    const { params, body } = this.#function();
    return `${start} ${name}${params} { return $async((function*() ${body})()); }`;
  }

  #isArrow(): boolean {
    if (this.#token.text === '(') return this.#tokens[this.#close(this.#i)]?.text === '=>';
    return this.#token.kind === 'word' && this.#peek(1).text === '=>';
  }

  #isMethod(): boolean {
    if (this.#peek(1).text !== '(' || NOT_CALLED.has(this.#token.text)) return false;
    return this.#tokens[this.#close(this.#i + 1)]?.text === '{';
  }

  #arrow(): string {
    const params = this.#within('parameters', () =>
      this.#token.text === '(' ? this.#group() : this.#next(),
    ).out.trim();
    this.#next('=>');
    const { out, stops } = this.#within('function', () => {
      if (this.#token.text === '{') return this.#group().trim();
      let expression = '';
      while (![',', ';', ')', ']', '}'].includes(this.#token.text)) expression += this.#element();
      return `{ return ${expression}; }`;
    });
    const list = params.startsWith('(') ? params : `(${params})`;
    return stops > 0 ? `(function*${list} ${out}).bind(this)` : `(${list} => ${out})`;
  }

  /** `new C(…)`, or a word or bracket and the members and calls behind it. */
  #chain(): string {
    const first = this.#token.text;
    if (first === 'super') return this.#super();
    let out =
      first === 'new' ? this.#construction() : first === '(' || first === '[' ? this.#group() : this.#next();
    out = out.trimStart();
    for (let last = first; ; ) {
      const { text, gap } = this.#token;
      if (text === '.' || (text === '?.' && this.#peek(1).kind === 'word')) {
        this.#next();
        last = this.#token.text;
        if (last === 'filter' || last === 'flatMap') {
          this.#next();
          out = this.#stop(`$${last}(${out}, ${this.#group().trim().slice(1)}`);
          continue;
        }
        out += text + this.#next();
        if (this.#names.setters.has(last) && this.#token.text === '=') return this.#assignment(out, last);
        if (this.#names.getters.has(last) && !this.#isCalled()) out = this.#stop(out);
      } else if (text === '[' && gap === '') out += this.#group();
      else if (text === '(' && !NOT_CALLED.has(last)) {
        out += this.#group();
        if (!this.#names.plain.has(first)) out = this.#stop(out);
      } else if (text === '?.') {
        out += this.#next() + this.#group();
        out = this.#stop(out);
      } else return out;
    }
  }

  /** A constructor that has become a method calls that of the base class, which has, too. */
  #super(): string {
    this.#next('super');
    this.#scope.stops += 1;
    return `yield* super.$construct${this.#group()}`;
  }

  #isCalled(): boolean {
    return ['(', '=', '+=', '-=', '++', '--'].includes(this.#token.text);
  }

  #construction(): string {
    this.#next('new');
    let name = this.#next().trim();
    while (this.#token.text === '.') name += this.#next() + this.#next();
    if (!this.#names.classes.has(name)) return `new ${name}${this.#group()}`;
    return this.#stop(`new ${name}().$construct${this.#group()}`);
  }

  /** `target.name = value`, where the setter has become a method. */
  #assignment(target: string, name: string): string {
    this.#next('=');
    let value = '';
    while (this.#token.text !== ';') value += this.#element();
    return this.#stop(`${target.slice(0, -name.length)}$set_${name}(${value})`);
  }

  #stop(call: string): string {
    if (this.#scope.at === 'top level') return call;
    if (this.#scope.at === 'parameters') this.#problems.push(`Cannot stop in a parameter list: ${call}`);
    this.#scope.stops += 1;
    return `(($t = ${call}) instanceof $Generator ? yield* $t : $t)`;
  }
}
