/**
 * The part of a task's URL that cannot be guessed from another task's: `<id>-<code>`, where the code is 128 bits that
 * follow from the id and a secret. A block cipher with a secret key is a pseudo-random function of the id.
 */
import { type Cipher, createCipheriv, createHash, randomBytes, timingSafeEqual } from 'node:crypto';

const BLOCK = 16;
/** Ids come one after the other, and one call of the cipher costs as much as many blocks. */
const BATCH = 32;

export class TaskKeys {
  /** One object serves all: in ECB mode each block stands for itself. */
  readonly #cipher: Cipher;
  /** The ids of a batch, and their codes. */
  readonly #ids = Buffer.alloc(BATCH * BLOCK);
  #codes = this.#ids;
  #first = -1;

  /** The same secret makes the same keys, in any process. Without one, they are this object's own. */
  constructor(secret?: string) {
    const key =
      secret === undefined ? randomBytes(16) : createHash('sha256').update(secret).digest().subarray(0, 16);
    this.#cipher = createCipheriv('aes-128-ecb', key, null).setAutoPadding(false);
  }

  keyOf(id: number): string {
    const first = Math.floor(id / BATCH) * BATCH;
    if (first !== this.#first) {
      for (let i = 0; i < BATCH; i++) this.#ids.writeDoubleLE(first + i, i * BLOCK);
      this.#codes = this.#cipher.update(this.#ids);
      this.#first = first;
    }
    const at = (id - first) * BLOCK;
    return `${id}-${this.#codes.toString('base64url', at, at + BLOCK)}`;
  }

  /** `undefined`: no key that `keyOf` has made. */
  idOf(key: string): number | undefined {
    const id = Number.parseInt(key, 10);
    if (!Number.isSafeInteger(id)) return undefined;
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
