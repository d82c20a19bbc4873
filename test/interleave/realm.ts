/**
 * The built channel, instrumented: `dist/sender.js`, `receiver.js`, `ring.js` and `park.js`, an instance of each for every
 * thread.
 * The codec has no `Atomics` in it and is used as it is.
 */
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import * as codec from '#codec';
import { type Instrumented, instrument } from './instrument.js';
import { Await, GeneratorObject, promiseOf, runAsync, type Steps, type Thread } from './loop.js';
import type { Machine } from './machine.js';

/** In the order of their imports. */
const FILES = ['park', 'ring', 'sender', 'receiver'] as const;

/** A change to a built file, before it is instrumented. `from` must be there exactly once. */
export interface Edit {
  readonly file: (typeof FILES)[number];
  readonly from: string;
  readonly to: string;
}

/**
 * More looks before parking are the same look again, and the schedules with them are too many to explore. So every
 * constant that says how long to spin becomes `looks`.
 */
function fewLooks(text: string, looks: number): string {
  const changed = text.replaceAll(/const (\w*SPIN) = [\d_]+;/g, (_, name) => `const ${name} = ${looks};`);
  if (changed === text) throw new Error('Expected constants named SPIN');
  return changed;
}

/** What scenarios use of an instrumented sender and receiver. Every call is to be run with `call`. */
export interface Instance {
  readonly ring: Record<string, number> & { readonly Phase: Record<string, number> };
  readonly sender: { readonly Sender: { attach(handle: unknown): Steps<InstrumentedSender> } };
  readonly receiver: { readonly Receiver: { attach(handle: unknown): Steps<InstrumentedReceiver> } };
}
export interface InstrumentedSender {
  send(value: unknown, options?: object): unknown;
  trySend(value: unknown): unknown;
  blockingSend(value: unknown, options?: object): unknown;
  bury(handle: unknown): unknown;
  close(): unknown;
}
export interface InstrumentedReceiver {
  recv(): unknown;
  tryRecv(): unknown;
  blockingRecv(): unknown;
  close(): unknown;
  discard(each: (position: number) => void): unknown;
}

/** The built text. Read once, so that a build that runs meanwhile changes nothing. */
const built = new Map(
  FILES.map((file) => [file, readFileSync(fileURLToPath(import.meta.resolve(`#${file}`)), 'utf8')]),
);

type Factory = ($: object) => Record<string, unknown>;

/** The instrumented text, compiled: makes instances. */
export class Build {
  readonly #modules: [string, Instrumented, Factory][];

  /** `looks`: see {@link fewLooks}; 'as shipped': the text is not changed. */
  constructor(edits: readonly Edit[] = [], looks: number | 'as shipped' = 0) {
    const sources: Record<string, string> = {};
    for (const file of FILES) {
      const text = edits.filter((edit) => edit.file === file).reduce(apply, built.get(file) ?? '');
      const spins = file === 'sender' || file === 'receiver';
      sources[file] = spins && looks !== 'as shipped' ? fewLooks(text, looks) : text;
    }
    this.#modules = Object.entries(instrument(sources)).map(([file, module]) => [
      file,
      module,
      new Function('$', module.code) as Factory,
    ]);
  }

  /** `decoded` is told each message that the thread decodes. */
  instance(machine: Machine, thread: Thread, decoded: (value: unknown) => void): Instance {
    const kind = promiseOf(thread);
    const globals = machine.globals(thread);
    const $async = (body: Steps): Steps => runAsync(kind, body);
    const imports: Record<string, object> = {
      'node:worker_threads': { threadId: thread.index },
      'node:events': { setMaxListeners: () => undefined },
      './codec.js': { ...codec, Decoder: listening(decoded) },
    };
    const shared = { ...globals, $async, $Await: Await, $Generator: GeneratorObject, imports };
    const made: Record<string, object> = {};
    for (const [file, , factory] of this.#modules) {
      made[file] = imports[`./${file}.js`] = factory(shared);
    }
    return made as unknown as Instance;
  }
}

function apply(text: string, { file, from, to }: Edit): string {
  if (text.split(from).length !== 2)
    throw new Error(`Expected exactly one place in ${file}.js with: ${from}`);
  return text.replace(from, () => to);
}

function listening(decoded: (value: unknown) => void): typeof codec.Decoder {
  return class extends codec.Decoder {
    override decode(length: number): unknown {
      const value = super.decode(length);
      decoded(value);
      return value;
    }
  };
}
