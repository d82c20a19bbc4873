/** The server as a process of its own: `node dist/server.js`. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';
import type { TestContext } from 'node:test';
import { fileURLToPath } from 'node:url';

const PATIENCE_MS = 15_000;
const ENTRY = fileURLToPath(import.meta.resolve('#server'));

export class ServerProcess {
  readonly child: ChildProcess;
  readonly out: Lines;
  readonly err: Lines;
  /** Resolves with the exit code, or the signal that ended it, once all output has come. */
  readonly exited: Promise<number | string | null>;
  port = 0;

  /** Starts the process, and does not wait for it. */
  constructor(t: TestContext, env: Readonly<Record<string, string>> = {}) {
    const { HOST: _host, PORT: _port, NODE_V8_COVERAGE: _coverage, ...rest } = process.env;
    this.child = spawn(process.execPath, [ENTRY], {
      env: { ...rest, PORT: '0', ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    this.out = new Lines(this.child.stdout as Readable);
    this.err = new Lines(this.child.stderr as Readable);
    const exit = once(this.child, 'exit');
    this.exited = exit.then(async ([code, signal]) => {
      await Promise.all([this.out.ended, this.err.ended]);
      return code ?? signal;
    });
    t.after(async () => {
      this.child.kill('SIGKILL');
      await exit;
    });
  }

  /** Starts the process, and resolves when it listens. */
  static async start(t: TestContext, env: Readonly<Record<string, string>> = {}): Promise<ServerProcess> {
    const server = new ServerProcess(t, env);
    const line = await server.out.seen(/^listening on http:\/\//);
    server.port = Number(/:(\d+)$/.exec(line)?.[1]);
    return server;
  }
}

/** The lines of a stream, as they come. */
class Lines {
  readonly all: string[] = [];
  readonly ended: Promise<unknown>;
  #over = false;
  readonly #waiting = new Set<() => void>();

  constructor(stream: Readable) {
    const lines = createInterface({ input: stream });
    lines.on('line', (line) => {
      this.all.push(line);
      this.#look();
    });
    this.ended = once(stream, 'close').then(() => {
      this.#over = true;
      this.#look();
    });
  }

  /** Resolves with the first line that matches, which may have come long ago. */
  seen(pattern: RegExp): Promise<string> {
    return new Promise((resolve, reject) => {
      const lost = (what: string) => new Error(`${what} without ${pattern}:\n${this.all.join('\n')}`);
      const timer = setTimeout(() => reject(lost(`${PATIENCE_MS} ms`)), PATIENCE_MS);
      const look = () => {
        const line = this.all.find((each) => pattern.test(each));
        if (line === undefined && !this.#over) return;
        clearTimeout(timer);
        this.#waiting.delete(look);
        if (line === undefined) reject(lost('Ended'));
        else resolve(line);
      };
      this.#waiting.add(look);
      look();
    });
  }

  #look(): void {
    for (const look of this.#waiting) look();
  }
}
