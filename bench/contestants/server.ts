/**
 * A server in a process of its own, and what it needs:
 *
 *   startup   milliseconds from the start of the process to the first answer
 *   idle      share of a processor and wake-ups a second when it has worked and has nothing to do
 *   load      answers a second over 32 connections that are kept, latency, and processor time for each answer
 */
import { spawn } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { percentiles, print, readSetup } from './contract.js';

interface ServerSetup {
  readonly what: 'startup' | 'idle' | 'load';
  readonly kind: keyof typeof ARGS;
  /** Method and path. */
  readonly request: string;
  readonly ms: number;
  readonly seconds: number;
}

const CONNECTIONS = 32;
const BARE =
  "const s = require('http').createServer((_, r) => r.end('Hello, world!'));" +
  "s.listen(0, '127.0.0.1', () => console.log('listening on http://127.0.0.1:' + s.address().port))";
const pathOf = (file: string) => fileURLToPath(new URL(file, import.meta.url));
const ARGS = { server: [pathOf('../../../dist/server.js')], app: [pathOf('./app.js')], bare: ['-e', BARE] };

const { what, kind, request, ms, seconds } = readSetup<ServerSetup>();
const begin = performance.now();
const env = { ...process.env, PORT: '0' };
const child = spawn(process.execPath, ARGS[kind], { env, stdio: ['ignore', 'pipe', 'inherit'] });
process.once('exit', () => child.kill('SIGKILL')).once('SIGTERM', () => process.exit(1));
const lines = createInterface({ input: child.stdout });
const port = await new Promise<number>((resolve) => {
  lines.on('line', (line) => line.startsWith('listening on') && resolve(Number(/:(\d+)/.exec(line)?.[1])));
});

await ask(1, 1);
if (what === 'startup') print({ ms: performance.now() - begin });
if (what === 'idle') await look();
await ask(CONNECTIONS, 4 * ms); // the code is compiled meanwhile
const before = used();
const answers = await ask(CONNECTIONS, ms);
const cpu = ((used().ms - before.ms) * 1000) / answers.length;
print({ perSecond: (answers.length * 1000) / ms, p99: percentiles(answers).p99 / 1000, cpu });

async function look(): Promise<never> {
  await ask(1, 200);
  await sleep(seconds * 1000); // 8 s after its work V8 collects garbage, once
  const before = used();
  await sleep(seconds * 1000);
  const after = used();
  const wakeUps = (after.sleeps - before.sleeps) / seconds;
  print({ percent: (after.ms - before.ms) / seconds / 10, wakeUps });
}

/** Asks on so many connections, one request at a time on each, until the time is over; at least once. */
async function ask(connections: number, duration: number): Promise<number[]> {
  const times: number[] = [];
  const end = performance.now() + duration;
  const text = `${request} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: text/plain\r\nContent-Length: 0\r\n\r\n`;
  const loop = async () => {
    const socket = connect(port, '127.0.0.1').setNoDelay(true).setEncoding('latin1');
    do {
      const sent = performance.now();
      socket.write(text);
      await answer(socket);
      times.push(performance.now() - sent);
    } while (performance.now() < end);
    socket.destroy();
  };
  await Promise.all(Array.from({ length: connections }, loop));
  return times;
}

/** Resolves when an answer with its length is complete. */
function answer(socket: Socket): Promise<void> {
  let received = '';
  return new Promise((resolve, reject) => {
    const read = (part: string) => {
      received += part;
      const [head = '', length] = /^.*?\ncontent-length: (\d+).*?\r\n\r\n/is.exec(received) ?? [];
      if (length === undefined || received.length < head.length + Number(length)) return;
      socket.off('data', read);
      if (head.startsWith('HTTP/1.1 2')) resolve();
      else reject(new Error(`Expected an answer with 2xx, got ${head}`));
    };
    socket.on('data', read);
  });
}

/** By all threads of the server: milliseconds on a processor, and how often a thread went to sleep. */
function used(): { ms: number; sleeps: number } {
  const total = { ms: 0, sleeps: 0 };
  for (const thread of readdirSync(`/proc/${child.pid}/task`)) {
    const file = (name: string) => readFileSync(`/proc/${child.pid}/task/${thread}/${name}`, 'utf8');
    total.ms += Number(file('schedstat').split(' ')[0]) / 1e6;
    total.sleeps += Number(/^voluntary_ctxt_switches:\s*(\d+)/m.exec(file('status'))?.[1]);
  }
  return total;
}
