/** A recipe that is a program, as a process of its own. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import type { TestContext } from 'node:test';
import { fileURLToPath } from 'node:url';

/** Starts it at a free port. Resolves with its address once it listens; when the test has ended, it must drain. */
export async function startProgram(t: TestContext, name: string): Promise<string> {
  const file = fileURLToPath(new URL(`../src/${name}.js`, import.meta.url));
  const env = { ...process.env, HOST: '127.0.0.1', PORT: '0' };
  const child = spawn(process.execPath, [file], { env, stdio: ['ignore', 'pipe', 'inherit'] });
  const exited = once(child, 'exit');
  const lines: string[] = [];
  t.after(async () => {
    child.kill('SIGTERM');
    assert.deepEqual(await exited, [0, null], lines.join('\n'));
  });
  return new Promise((resolve, reject) => {
    void exited.then(() => reject(new Error(`${name} ended, having printed ${lines.join('\n')}`)));
    createInterface({ input: child.stdout }).on('line', (line) => {
      lines.push(line);
      const url = /^listening on (\S+)/.exec(line)?.[1];
      if (url !== undefined) resolve(url);
    });
  });
}

export async function jsonOf(response: Response): Promise<Record<string, unknown>> {
  return (await response.json()) as Record<string, unknown>;
}

/** The end of the task whose URL the answer has. */
export async function endOf(response: Response): Promise<Record<string, unknown>> {
  assert.equal(response.status, 202, await response.text());
  const url = new URL(response.headers.get('location') ?? '', response.url);
  for (;;) {
    const task = await jsonOf(await fetch(url));
    if (task['state'] !== 'queued' && task['state'] !== 'running') return task;
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}
