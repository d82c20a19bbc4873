#!/bin/sh
# Makes a copy of the project its own, as README's "Make it yours" says, and runs the suite there: no test but
# `demo.test.ts` may know the example's routes and tasks, and nothing may need `bench/` or the admin page.
#
# Left out: the schedules, the stress and the kill test. They take most of the suite's time, and see nothing of what a
# copier changes: they run on the channel and the runtime alone.
set -eu
cd "$(dirname "$0")/.."
project=$PWD
copy=$(mktemp -d)
trap 'rm -rf "$copy"' EXIT
trap 'exit 130' INT TERM HUP

git ls-files -z --cached --others --exclude-standard | tar -c --null -T - | tar -x -C "$copy"
ln -s "$project/node_modules" "$copy/node_modules"
cd "$copy"

# Keeps the file's mode.
edit() {
  file=$1
  shift
  "$@" <"$file" >"$file.new"
  cat "$file.new" >"$file"
  rm "$file.new"
}

edit package.json sed 's/"name": ".*"/"name": "copied"/'
edit package.json grep -v bench
edit .ci/run grep -v bench
edit README.md sed '/^## Speed/,/^## Licence/{/^## Licence/!d;}'
rm -rf bench BENCHMARKS.md

edit package.json grep -v '#admin'
edit .ci/run grep -v test/browser
edit src/server.ts sed '/[Aa]dmin/d; s/ also,//'
edit README.md sed '/^## Seeing it/,/^## /{/^## Seeing it/d;/^## /!d;}; /^If you want no admin page/,/^$/d; /src\/admin/d; s/`admin` → //'
rm -rf src/admin test/admin.test.ts test/browser
bash -n .ci/run

cat >src/tasks.ts <<'END'
import { defineTasks, syncTask } from './index.js';

export const tasks = defineTasks({ reverse: syncTask((text: string) => [...text].reverse().join('')) });
END

cat >src/app.ts <<'END'
import type { Server } from 'node:http';
import {
  createHttpServer,
  maxTaskBytes,
  type Queue,
  type Routes,
  readText,
  TaskResource,
  taskRoutes,
} from './http/index.js';
import { tasks } from './tasks.js';

const routes: Routes<TaskResource> = {
  '/reverse': {
    POST: async (exchange, resource) => resource.accept(exchange, tasks.reverse(await readText(exchange))),
    maxBody: 1000,
  },
  ...taskRoutes,
};

export const MAX_TASK_BYTES: number = maxTaskBytes(routes);

interface AppOptions {
  readonly queue: Queue;
  readonly basePath: string;
}

export function createApp({ queue, basePath }: AppOptions): Server {
  return createHttpServer(routes, new TaskResource(queue, basePath));
}
END

cat >test/demo.test.ts <<'END'
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { acceptedAt, request } from './support/connection.js';
import { ServerProcess } from './support/server-process.js';

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

if left=$(grep -rnE 'bench/|[Aa]dmin|test/browser' README.md package.json .ci src | grep -v '[Dd]elete `'); then
  echo "still named after its deletion: $left" >&2
  exit 1
fi
npm run build:all
for name in interleave channel.stress kill; do rm "build/test/$name.test.js"; done
node --enable-source-maps --test --test-concurrency=2 build/test/*.test.js
