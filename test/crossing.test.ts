/** The list of what crosses holds for the compiler, for the codec and for the README. */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { Decoder, Encoder, NotSendableError } from '#codec';
import { type Fate, KINDS } from './fixtures/crossing.js';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));
const encoder = new Encoder(4096);
const decoder = new Decoder(4096);

function roundTrip(value: unknown): unknown {
  const length = encoder.encode(value);
  decoder.bytes.set(encoder.bytes.subarray(0, length));
  return decoder.decode(length);
}

const CODEC_REFUSES: readonly Fate[] = ['refused', 'refused at run time'];
const TYPES_REFUSE: readonly Fate[] = ['refused', 'refused by types'];

for (const { what, value, fate, as } of KINDS) {
  if (value === undefined) continue;
  test(`${what}: ${fate}`, () => {
    const given = value();
    if (CODEC_REFUSES.includes(fate)) assert.throws(() => encoder.encode(given), NotSendableError);
    else assert.deepStrictEqual(roundTrip(given), as === undefined ? given : as());
  });
}

/** The lines at which the compiler finds something wrong. */
async function refusedLines(folder: string, lines: readonly string[]): Promise<Set<number>> {
  const config = {
    extends: '../../tsconfig.json',
    compilerOptions: { rootDir: '../..', noEmit: true, noUnusedParameters: false },
    include: ['snippets.ts'],
  };
  await writeFile(join(folder, 'tsconfig.json'), JSON.stringify(config));
  await writeFile(join(folder, 'snippets.ts'), lines.join('\n'));
  const tsc = join(ROOT, 'node_modules', '.bin', 'tsc');
  const printed = await new Promise<string>((resolve) => {
    execFile(tsc, ['-p', folder, '--pretty', 'false'], { cwd: folder }, (_, stdout) => resolve(stdout));
  });
  for (const [line, code] of printed.matchAll(/^\S+ error (TS\d+).*$/gm)) assert.equal(code, 'TS2345', line);
  return new Set(Array.from(printed.matchAll(/^snippets\.ts\((\d+),/gm), ([, line]) => Number(line) - 1));
}

test('The compiler refuses what the encoder refuses, as far as it can tell', async (t) => {
  const folder = await mkdtemp(join(ROOT, 'build', 'crossing-'));
  t.after(() => rm(folder, { recursive: true }));
  const classes = '{ Account, Bytes, Day, HttpError, Index, Keyed, Plain, Point, Reply, Stack }';
  const typed = KINDS.filter(({ type }) => type !== undefined);
  const wrong = await refusedLines(folder, [
    `import { syncTask } from '#index'; import type ${classes} from '../../test/fixtures/crossing.js';`,
    ...typed.map(({ type }) => `syncTask((value: ${type}) => {});`),
  ]);
  const told = typed.map(({ what }, i) => [what, wrong.has(i + 1)]);
  assert.deepEqual(
    told,
    typed.map(({ what, fate }) => [what, TYPES_REFUSE.includes(fate)]),
  );
});

test('The README has every kind in the row that tells its fate', async (t) => {
  const readme = (await readFile(join(ROOT, 'README.md'), 'utf8')).replaceAll(/ +\|/g, ' |');
  const fates = [...new Set(KINDS.map(({ fate }) => fate))];
  const rows = new Map(
    fates.map((fate) => [fate, readme.split('\n').find((line) => line.startsWith(`| ${fate} |`))]),
  );
  if ([...rows.values()].every((row) => row === undefined)) return t.skip('it has no such table');
  for (const { what, fate } of KINDS) assert.ok(rows.get(fate)?.includes(what), `${fate}: ${what}`);
});
