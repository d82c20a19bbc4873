/**
 * `npm run dev`: after each change in `src`, builds, and starts the server anew if that went well. It watches folders one
 * by one, the only way in which `fs.watch` sees new files and files that are replaced on every system and version.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { type FSWatcher, readdirSync, statSync, watch } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const SOURCE = fileURLToPath(new URL('../src', import.meta.url));
const SERVER = fileURLToPath(new URL('./server.js', import.meta.url));
/** What a compiler may read, and no editor's copies and locks. */
const COMPILED = /\.([cm]?tsx?|json)$/;
/** An editor touches a file more than once when it saves it. */
const SETTLE_MS = 50;
/** How long the old server may take to end. */
const STOP_MS = 500;

const watchers = new Map<string, FSWatcher>();
let server: ChildProcess | undefined;
let timer: NodeJS.Timeout | undefined;
let busy = false;
let ending = false;

for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
  process.on(name, () => {
    ending = true;
    if (server === undefined) process.exit();
    server.kill(name); // from a terminal it has come there already, which the server takes for one signal
  });
}
watchFolders();
start();

/** Watches folders that are new. Says whether there were any. */
function watchFolders(): boolean {
  const entries = readdirSync(SOURCE, { recursive: true, withFileTypes: true });
  const inside = entries
    .filter((entry) => entry.isDirectory())
    .map(({ parentPath, name }) => join(parentPath, name));
  const folders = new Map([SOURCE, ...inside].map((path) => [`${statSync(path).ino} ${path}`, path]));
  for (const [key, watcher] of watchers) {
    if (folders.has(key)) continue;
    watcher.close();
    watchers.delete(key);
  }
  const found = [...folders].filter(([key]) => !watchers.has(key));
  for (const [key, path] of found)
    watchers.set(
      key,
      watch(path, changed).on('error', () => {}),
    );
  return found.length > 0;
}

function changed(_event: string, file: string | null): void {
  let matters = file === null || COMPILED.test(file);
  try {
    matters = watchFolders() || matters;
  } catch {
    matters = true; // a folder went away while it was looked at: look again
  }
  if (!matters) return;
  clearTimeout(timer);
  timer = setTimeout(update, SETTLE_MS);
}

async function update(): Promise<void> {
  if (busy) {
    timer = setTimeout(update, SETTLE_MS);
    return;
  }
  busy = true;
  const compiler = spawn('tsc', { stdio: 'inherit', shell: process.platform === 'win32' });
  const [code] = await once(compiler, 'exit');
  if (code === 0) await stop();
  if (code === 0 && !ending) start();
  busy = false;
}

function start(): void {
  const child = spawn(process.execPath, [SERVER], { stdio: 'inherit' });
  server = child;
  child.once('exit', (code, signal) => {
    server = undefined;
    if (ending) process.exit(code ?? 1);
    if (!busy) console.error(`the server ended with ${signal ?? code}; it starts again after a change`);
  });
}

async function stop(): Promise<void> {
  if (server === undefined) return;
  const impatience = setTimeout((child: ChildProcess) => child.kill('SIGKILL'), STOP_MS, server);
  server.kill('SIGTERM');
  await once(server, 'exit');
  clearTimeout(impatience);
}
