/** Outcomes: what fits into a record, whatever a task returns or throws. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { runInNewContext } from 'node:vm';
import { Decoder } from '#codec';
import { OutcomeEncoder } from '#runtime/outcome';
import type { FinalState } from '#runtime/record';

const ROOM = 4096;

/** What is kept of an outcome: in which state the task ends, and what of it arrives. */
function keep(
  state: FinalState,
  outcome: unknown,
  room = ROOM,
): { state: FinalState; kept: unknown; size: number } {
  const encoder = new OutcomeEncoder(room);
  const size = encoder.encode(state, outcome);
  const decoder = new Decoder(room);
  decoder.bytes.set(encoder.bytes);
  return { state: encoder.state, kept: size > 0 ? decoder.decode(size) : undefined, size };
}

/** What is kept of what a task threw: an error, if it was one. */
function keepError(thrown: unknown, room?: number): Error & Record<string, unknown> {
  const { state, kept } = keep('failed', thrown, room);
  assert.equal(state, 'failed');
  assert.ok(kept instanceof Error);
  return kept as Error & Record<string, unknown>;
}

const knot: Record<string, unknown> = {};
knot['self'] = knot;

describe('A result', () => {
  test('is kept as it is, or left out if it is too large', () => {
    assert.deepEqual(keep('succeeded', { words: 2 }).kept, { words: 2 });
    assert.deepEqual(keep('succeeded', undefined), { state: 'succeeded', kept: undefined, size: 0 });
    const { state, size } = keep('succeeded', 'x'.repeat(5000));
    assert.equal(state, 'succeeded');
    assert.ok(size < -5000);
  });

  test('that cannot cross makes the task fail, with the error that says where', () => {
    for (const [result, path] of [
      [{ save: () => {} }, 'value.save'],
      [[Promise.resolve()], 'value[0]'],
      [knot, 'value.self'],
    ] as const) {
      const { state, kept } = keep('succeeded', result);
      assert.equal(state, 'failed');
      assert.equal((kept as Error).name, 'NotSendableError');
      assert.equal((kept as { code?: string }).code, 'ERR_NOT_SENDABLE');
      assert.ok((kept as Error).message.startsWith(path));
    }
  });

  test('with a getter that throws makes the task fail with that', () => {
    const result = {
      get value() {
        throw new RangeError('from a getter');
      },
    };
    const { state, kept } = keep('succeeded', result);
    assert.equal(state, 'failed');
    assert.ok(kept instanceof RangeError);
    assert.equal(kept.message, 'from a getter');
    const odd = {
      get value() {
        throw 7;
      },
    };
    assert.equal(keep('succeeded', odd).state, 'failed');
  });
});

describe('An error', () => {
  test('that is too large is cut: name, code, and the head of message and stack stay', () => {
    const output = `cannot open the file\n${'line of a subprocess\n'.repeat(300)}`;
    const error = Object.assign(new RangeError(output), { code: 'E_OPEN' });
    const kept = keepError(error);
    assert.ok(kept instanceof RangeError);
    assert.equal(kept['code'], 'E_OPEN');
    assert.match(kept.message, /^cannot open the file\nline of/);
    assert.match(kept.message, /… \[cut: 6\d{3} characters\]$/);
    assert.ok(kept.message.length > 500);
    assert.match(kept.stack ?? '', /^RangeError: cannot open the file/);
    assert.match(
      kept.stack ?? '',
      /\n {4}at .*outcome\.test/,
      'where it was thrown is not lost behind the message',
    );
  });

  test('fits into little room, whatever is large about it', () => {
    for (const room of [512, 1024, 4096]) {
      for (const [what, error] of Object.entries({
        message: new Error('x'.repeat(100_000)),
        'message of two bytes': new Error('€'.repeat(100_000)),
        name: Object.assign(new Error('short'), { name: 'N'.repeat(9000) }),
        code: Object.assign(new Error('short'), { code: 'C'.repeat(9000) }),
        property: Object.assign(new Error('short'), { stderr: Buffer.alloc(9000) }),
        'two properties': Object.assign(new Error('short'), {
          a: Buffer.alloc((room * 2) / 3),
          b: Buffer.alloc((room * 2) / 3),
        }),
        stack: Object.assign(new Error('short'), { stack: 's'.repeat(9000) }),
        cause: new Error('short', { cause: new Error('y'.repeat(9000)) }),
        chain: Array.from({ length: 100 }).reduce<Error>(
          (cause) => new Error('short', { cause }),
          new Error('last'),
        ),
      })) {
        const kept = keepError(error, room);
        const expected = what.startsWith('message') ? error.message.slice(0, 10) : 'short';
        assert.equal(kept.message.slice(0, 10), expected, `${what} in ${room}`);
      }
    }
  });

  test('leaves out what cannot cross, and says so; the rest crosses', () => {
    const cause = new Error('why', { cause: knot });
    const error = Object.assign(new TypeError('no', { cause }), {
      code: 'E_NO',
      attempts: 3,
      socket: { write: () => {} },
    });
    const kept = keepError(error);
    assert.ok(kept instanceof TypeError);
    assert.equal(kept.message, 'no');
    assert.equal(kept['code'], 'E_NO');
    assert.match(kept.stack ?? '', /outcome\.test[\s\S]*\n {4}\[left out: socket\]$/);
    assert.equal((kept.cause as Error).message, 'why');
    assert.match((kept.cause as Error).stack ?? '', /\[left out: cause\]$/);
  });

  test('may be anything: nothing that a task throws makes this throw', () => {
    const throws = () => {
      throw new Error('on purpose');
    };
    const hostile = new Proxy(new Error('hostile'), {
      get: throws,
      getPrototypeOf: throws,
      ownKeys: throws,
      getOwnPropertyDescriptor: throws,
    });
    const bare = Object.defineProperty(new Error('getters', { cause: knot }), 'stack', { get: throws });
    const getters = Object.defineProperties(bare, {
      message: { get: throws },
      name: { get: throws },
      code: { get: throws, enumerable: true },
    });
    const loop = new Error('loop');
    loop.cause = loop;
    const odd = Object.assign(new Error('odd', { cause: knot }), { name: Symbol('name'), stack: 5 });
    const foreign: unknown = runInNewContext('Object.assign(new RangeError("foreign"), { cause: () => {} })');
    for (const thrown of [
      hostile,
      getters,
      loop,
      odd,
      foreign,
      () => {},
      Symbol('x'),
      knot,
      Object.create(null),
    ]) {
      assert.equal(keep('failed', thrown).state, 'failed');
      assert.notEqual(keep('failed', thrown).size, -1);
      assert.equal(keep('cancelled', thrown).state, 'cancelled');
    }
    assert.equal(keepError(loop).message, 'loop');
    assert.equal(keepError(foreign).message, 'foreign');
    assert.match(keepError(() => {}).message, /^The task threw what cannot be sent: value is a function/);
    assert.deepEqual(keep('failed', null).kept, null);
  });
});
