/**
 * The page: one file with its style and its script in it, which the build copies beside this module. The
 * Content-Security-Policy names the two by their hashes and allows no other. The file is read for each request, so the
 * server starts without it, too. The image is its icon, an empty one.
 */
import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { type Answer, text } from '../http/index.js';

export async function page(): Promise<Answer> {
  const html = await readFile(new URL('./page.html', import.meta.url), 'utf8');
  return text(200, html, {
    'content-type': 'text/html; charset=utf-8',
    'content-security-policy': [
      `default-src 'none'; script-src ${hashOf('script', html)}; style-src ${hashOf('style', html)}`,
      "connect-src 'self'; img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    ].join('; '),
    'x-content-type-options': 'nosniff',
  });
}

function hashOf(element: 'script' | 'style', html: string): string {
  const content = new RegExp(`<${element}>([^]*)</${element}>`).exec(html)?.[1] ?? '';
  return `'sha256-${createHash('sha256').update(content).digest('base64')}'`;
}
