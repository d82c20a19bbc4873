/**
 * Runs all tests, or those whose file has one of the given words in its path, two files at a time. Node.js 20 expands no
 * glob, and cmd does not either.
 */
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { run } from 'node:test';
import { spec } from 'node:test/reporters';
import { fileURLToPath } from 'node:url';

const words = process.argv.length > 2 ? process.argv.slice(2) : [''];
const here = fileURLToPath(new URL('.', import.meta.url));
const files = readdirSync(here, { recursive: true, encoding: 'utf8' })
  .filter((name) => name.endsWith('.test.js') && words.some((word) => name.includes(word)))
  .map((name) => join(here, name));
if (files.length === 0) throw new Error(`Expected a test with one of these in its path: ${words.join(', ')}`);
run({ files, concurrency: 2 })
  .on('test:fail', () => {
    process.exitCode = 1;
  })
  .compose(new spec())
  .pipe(process.stdout);
