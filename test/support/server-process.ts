/** A server as a process of its own: `node dist/server.js`, or another program that ends by the same code. */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, constants, mkdtempSync, openSync, rmSync } from 'node:fs';
import { Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';
import type { TestContext } from 'node:test';
import { fileURLToPath } from 'node:url';

const SERVER = fileURLToPath(import.meta.resolve('#server'));

export class ServerProcess {
  readonly child: ChildProcess;
  readonly out: Lines;
  readonly err: Lines;
  /** Resolves with the exit code, or the signal that ended it, once all output has come. */
  readonly exited: Promise<number | string | null>;
  port = 0;

  /** Starts the process, and does not wait for it. */
  constructor(t: TestContext, env: NodeJS.ProcessEnv = {}, entry = SERVER) {
    const { HOST: _host, PORT: _port, NODE_V8_COVERAGE: _coverage, ...rest } = process.env;
    const child = spawn(process.execPath, [entry], {
      env: { ...rest, PORT: '0', ADMIN_PORT: '', ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    this.child = child;
    this.out = new Lines(child.stdout);
    this.err = new Lines(child.stderr);
    this.exited = once(child, 'close').then(([code, signal]) => code ?? signal);
    t.after(() => child.kill('SIGKILL'));
  }

  /** Starts the process, and resolves when it listens. */
  static async start(t: TestContext, env: NodeJS.ProcessEnv = {}, entry = SERVER): Promise<ServerProcess> {
    const server = new ServerProcess(t, env, entry);
    const line = await server.out.seen(/listening on /);
    server.port = Number(/:(\d+)(?:,|"|$)/.exec(line)?.[1]);
    return server;
  }
}

/** The lines of a stream, as they come. */
export class Lines {
  readonly all: string[] = [];
  readonly ended: Promise<unknown>;
  readonly #stream: Readable;

  constructor(stream: Readable) {
    this.#stream = stream;
    createInterface({ input: stream }).on('line', (line) => this.all.push(line));
    this.ended = once(stream, 'close');
  }

  /** Resolves with the first line that matches, which may have come long ago. */
  async seen(pattern: RegExp): Promise<string> {
    const signal = AbortSignal.timeout(15_000);
    for (;;) {
      const line = this.all.find((each) => pattern.test(each));
      if (line !== undefined) return line;
      if (this.#stream.closed || signal.aborted)
        throw new Error(`No line matches ${pattern}:\n${this.all.join('\n')}`);
      await Promise.race([once(this.#stream, 'data', { signal }), this.ended]).catch(() => {});
    }
  }

  /** Stops reading: soon the pipe is full. */
  pause(): void {
    this.#stream.pause();
  }

  resume(): void {
    this.#stream.resume();
  }

  /** The reader is gone. */
  destroy(): void {
    this.#stream.destroy();
  }
}

/** A folder that is gone when the test has ended. */
export function temporaryFolder(t: { after(stop: () => void): void }): string {
  const folder = mkdtempSync(join(tmpdir(), 'async-tasks-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

/** A pipe of the system's (`spawn` makes sockets). Give `input` to a process, then close it here. */
export class Pipe {
  readonly input: number;
  readonly #output: number;

  constructor(t: TestContext) {
    const path = join(temporaryFolder(t), 'pipe');
    spawnSync('mkfifo', [path]);
    this.#output = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
    this.input = openSync(path, 'w');
  }

  closeInput(): void {
    closeSync(this.input);
  }

  /** Starts to read. Nothing is read before. */
  read(): Lines {
    return new Lines(new Socket({ fd: this.#output, readable: true, writable: false }));
  }
}
