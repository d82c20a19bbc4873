// Installs and builds the core, which this example is made of, unless that has been done.
import { execSync } from 'node:child_process';
import { existsSync } from 'node:fs';

const root = new URL('../../', import.meta.url);
if (!existsSync(new URL('dist/index.js', root))) execSync('npm ci', { cwd: root, stdio: 'inherit' });
