/**
 * The part of a task's URL that cannot be guessed from another task's: `<id>-<code>`, where the code is 128 bits that
 * follow from the id and a secret. A block cipher with a secret key is a pseudo-random function of the id.
 */
import { type Cipher, createCipheriv, createHash, randomBytes, timingSafeEqual } from 'node:crypto';

export class TaskKeys {
  /** One object serves all: in ECB mode each block stands for itself. */
  readonly #cipher: Cipher;
  readonly #block = Buffer.alloc(16);

  /** The same secret makes the same keys, in any process. Without one, they are this object's own. */
  constructor(secret?: string) {
    const key =
      secret === undefined ? randomBytes(16) : createHash('sha256').update(secret).digest().subarray(0, 16);
    this.#cipher = createCipheriv('aes-128-ecb', key, null).setAutoPadding(false);
  }

  keyOf(id: number): string {
    this.#block.writeDoubleLE(id);
    return `${id}-${this.#cipher.update(this.#block).toString('base64url')}`;
  }

  /** `undefined`: no key that `keyOf` has made. */
  idOf(key: string): number | undefined {
    const id = Number.parseInt(key, 10);
    const expected = Buffer.from(this.keyOf(id));
    const got = Buffer.from(key);
    return got.length === expected.length && timingSafeEqual(got, expected) ? id : undefined;
  }
}

/** The path under which the public reaches the server, without a slash at its end: `/api` behind a proxy that strips it. */
export function expectBasePath(basePath: string): string {
  if (typeof basePath === 'string' && /^(?:\/(?:[\w.~!$&'()*+,;=:@-]|%[\da-f]{2})+)*\/?$/i.test(basePath)) {
    return basePath.replace(/\/$/, '');
  }
  throw new RangeError(`Expected \`basePath\` to be a path such as /api, got ${JSON.stringify(basePath)}`);
}
