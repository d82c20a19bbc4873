#!/bin/sh
# Makes a copy of the project its own by the steps of README's "Make it yours", with a route and a task in the place of the
# example's, and checks it: its installation, lint, build and tests, and that nothing names a deleted file. The copy is in a
# temporary folder, which is deleted.
set -eu
cd "$(dirname "$0")/.."
parent=$(mktemp -d)
copy="$parent/mein Ordner ü #1 a%20b"
mkdir "$copy"
trap 'rm -rf "$parent"' EXIT
trap 'exit 130' INT TERM HUP
git ls-files -z --cached --others --exclude-standard | tar -c --null --ignore-failed-read -T - | tar -x -C "$copy"
cd "$copy"

# What a service does not need, and the lines that name it.
rm -rf bench BENCHMARKS.md examples test/proof test/bundle src/admin test/admin test/browser
sed -i.old '/[Aa]dmin/d; s/ also,//' src/server.ts
rm src/server.ts.old
node - <<'END'
const fs = require('node:fs');
const write = (name, text) => fs.writeFileSync(name, text);
const edit = (name, change) => fs.existsSync(name) && write(name, change(fs.readFileSync(name, 'utf8')));
const json = (name, change) => edit(name, (text) => {
  const value = JSON.parse(text);
  change(value);
  return `${JSON.stringify(value, null, 2)}\n`;
});
const deleted = /\bbench|BENCHMARKS|examples\/|(?:test\/|`)(?:proof|bundle|admin|browser)\b|[Aa]dmin|ADMIN/;

json('package.json', (it) => {
  it.name = 'copied';
  for (const part of [it.imports, it.scripts]) for (const key in part) if (deleted.test(key)) delete part[key];
  delete it.devDependencies.tinybench;
});
edit('test/tsconfig.json', (text) => text.replace(', "../bench"', '').replace(/,\n *"exclude".*/, ''));
write('.ci/run', '#!/usr/bin/env bash\nset -euo pipefail\ncd "$(dirname "$0")/.."\nnpm ci\nnpm run lint\nnpm test\n');
// The job of the example goes, with the comment above it.
edit('.github/workflows/ci.yml', (text) => text.split('\n\n').filter((part) => !deleted.test(part)).join('\n\n').trimEnd() + '\n');
// Rows and items that name what was deleted go, and so do the paragraphs around anything else that does.
for (const name of ['README.md', 'test/README.md'])
  edit(name, (text) => text
    .replace(/^## (?:Make it yours|Speed)\n[^]*?(?=^## )/gm, '')
    .split('\n\n')
    .map((part) => /^(?:\||- )/.test(part) ? part.split(/\n(?=\||- )/).filter((row) => !deleted.test(row)).join('\n') : part)
    .filter((part) => !deleted.test(part))
    .join('\n\n'));
END

# A task and a route, in the place of the example's.
cat >src/tasks.ts <<'END'
import { defineTasks, syncTask } from './index.js';

export const tasks = defineTasks({ reverse: syncTask((text: string) => [...text].reverse().join('')) });
END
cat >src/app.ts <<'END'
import type { Server } from 'node:http';
import {
  createHttpServer,
  type Queue,
  type Routes,
  readText,
  TaskResource,
  taskRoutes,
} from './http/index.js';
import { tasks } from './tasks.js';

const routes: Routes<TaskResource> = {
  '/reverse': {
    POST: async (exchange, resource) =>
      (await resource.accept(exchange, tasks.reverse(await readText(exchange, 1000)))).answer,
  },
  ...taskRoutes,
};

export const MAX_TASK_BYTES: number = 65_536;

interface AppOptions {
  readonly queue: Queue;
  readonly basePath: string;
}

export function createApp({ queue, basePath }: AppOptions): Server {
  return createHttpServer(routes, new TaskResource(queue, basePath));
}
END
cat >test/http/demo.test.ts <<'END'
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { acceptedAt, request } from '../support/connection.js';
import { ServerProcess } from '../support/server-process.js';

test('reverses a text, and has no other route', async (t) => {
  const { port } = await ServerProcess.start(t);
  const url = acceptedAt(await request(port, 'POST', '/reverse', { body: 'abc' }));
  let view = { state: 'queued', result: '' };
  while (view.state === 'queued' || view.state === 'running')
    view = JSON.parse((await request(port, 'GET', url)).body);
  assert.deepEqual([view.state, view.result], ['succeeded', 'cba']);
  for (const path of ['/', '/count_words', '/start_sync_task'])
    assert.equal((await request(port, 'GET', path)).status, 404);
});
END

git init --quiet # the linter asks Git which files are ignored
npm install --ignore-scripts # the lock file learns of the new name
npm run format
bash .ci/run

if left=$(grep -rnE '\bbench/|BENCHMARKS|examples/|test/(proof|bundle|admin|browser)|src/admin|#admin|tinybench' \
  .ci .github *.md *.json src test --include=* --exclude=template.sh --exclude=package-lock.json); then
  echo "named after its deletion: $left" >&2
  exit 1
fi
node - <<'END'
const fs = require('node:fs');
const path = require('node:path');
for (const name of ['README.md', 'test/README.md'].filter((name) => fs.existsSync(name)))
  for (const [, link] of fs.readFileSync(name, 'utf8').matchAll(/\]\((?!https?:)([^)#]+)/g))
    if (!fs.existsSync(path.join(path.dirname(name), link))) throw new Error(`${name} links ${link}, which was deleted`);
END
