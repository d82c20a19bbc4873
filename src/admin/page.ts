/**
 * The page: one file, `page.html`, with its style and its script in it. The Content-Security-Policy names the two by
 * their hashes and allows nothing else, not from here either. It is read where it was written, in `src`, beside `dist`.
 */
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { type Answer, text } from '../http/index.js';

const HTML = readFileSync(new URL('../../src/admin/page.html', import.meta.url), 'utf8');

const headers = {
  'content-type': 'text/html; charset=utf-8',
  'content-security-policy': [
    "default-src 'none'",
    `script-src ${hashOf('script')}`,
    `style-src ${hashOf('style')}`,
    "connect-src 'self'",
    'img-src data:', // the icon, an empty one
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'",
  ].join('; '),
  'cross-origin-resource-policy': 'same-origin',
  'referrer-policy': 'no-referrer',
  'x-content-type-options': 'nosniff',
};

export function page(): Answer {
  return text(200, HTML, headers);
}

function hashOf(element: 'script' | 'style'): string {
  const content = new RegExp(`<${element}>([^]*)</${element}>`).exec(HTML)?.[1] ?? '';
  return `'sha256-${createHash('sha256').update(content).digest('base64')}'`;
}
