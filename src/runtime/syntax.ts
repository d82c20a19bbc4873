/**
 * Where a syntax error is. Node.js knows when `import()` rejects, and tells only whoever lets the process end over it. So
 * it is asked again: it checks the module, and then what that imports by a relative path, without running any of it.
 */
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

/** A check takes about 50 ms. */
const MAX_FILES = 50;
const RELATIVE_IMPORT = /\b(?:from|import)\s*\(?\s*['"]((?:\.\.?\/|file:)[^'"]+)['"]/g;

/** Puts file, line and source in front of the stack, as Node.js prints them, if the error is in `url` or beneath it. */
export function placed(error: SyntaxError, url: string): SyntaxError {
  if (/^\S+:\d+\n/.test(error.stack ?? '')) return error; // as for an import of a name that is not exported
  const place = findPlace(url);
  if (place !== undefined) error.stack = `${place}\n${error.stack ?? ''}`;
  return error;
}

function findPlace(url: string): string | undefined {
  const files = new Set([url]);
  for (const each of files) {
    try {
      const path = fileURLToPath(each);
      const { status, stderr } = spawnSync(process.execPath, ['--check', path], { encoding: 'utf8' });
      if (status !== 0) return stderr.split(/\n\n?SyntaxError/, 1)[0];
      for (const [, specifier = ''] of readFileSync(path, 'utf8').matchAll(RELATIVE_IMPORT)) {
        if (files.size < MAX_FILES) files.add(new URL(specifier, each).href);
      }
    } catch {
      // Not a file, or not there: the error is somewhere else.
    }
  }
  return undefined;
}
