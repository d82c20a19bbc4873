/** The server or the worker of this example, or a server of a test, as a process of its own. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

const PATIENCE_MS = 20_000;

export class Program {
  /** All that it printed, line by line. */
  readonly lines: string[] = [];
  readonly exited: Promise<number | string | null>;
  readonly #child: ChildProcess;
  #changed = () => {};
  #over = false;

  /** `program`: one of the example, or the URL of another. */
  constructor(program: 'server' | 'worker' | URL, env: Readonly<Record<string, string>>) {
    const entry = fileURLToPath(program instanceof URL ? program : import.meta.resolve(`#engine/${program}`));
    const own = Object.fromEntries(Object.entries(process.env).filter(([key]) => key !== 'NODE_V8_COVERAGE'));
    this.#child = spawn(process.execPath, [entry], {
      env: { ...own, PORT: '0', ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    for (const stream of [this.#child.stdout, this.#child.stderr]) {
      if (stream !== null) createInterface({ input: stream }).on('line', (line) => this.#hear(line));
    }
    this.exited = once(this.#child, 'close').then(([code, signal]) => {
      this.#over = true;
      this.#changed();
      return code ?? signal;
    });
  }

  static async server(
    env: Readonly<Record<string, string>>,
    program: 'server' | URL = 'server',
  ): Promise<Program & { origin: string }> {
    const server = new Program(program, env);
    const line = await server.seen(/^listening on /);
    return Object.assign(server, { origin: line.slice('listening on '.length) });
  }

  static async worker(env: Readonly<Record<string, string>>): Promise<Program> {
    const worker = new Program('worker', env);
    await worker.seen(/^working with /);
    return worker;
  }

  /** Resolves with the first line that matches, which may have come already. */
  async seen(pattern: RegExp): Promise<string> {
    for (const deadline = performance.now() + PATIENCE_MS; ; ) {
      const line = this.lines.find((each) => pattern.test(each));
      if (line !== undefined) return line;
      const left = deadline - performance.now();
      if (this.#over || left <= 0) throw new Error(`Nothing like ${pattern} in:\n${this.lines.join('\n')}`);
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, left);
        this.#changed = () => {
          clearTimeout(timer);
          resolve();
        };
      });
    }
  }

  async end(signal: NodeJS.Signals = 'SIGKILL'): Promise<number | string | null> {
    this.#child.kill(signal);
    return this.exited;
  }

  #hear(line: string): void {
    this.lines.push(line);
    this.#changed();
  }
}
