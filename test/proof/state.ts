/** The state of everything, as a number. */
import type { Machine } from './machine.js';
import { finish } from './shared.js';
import { Thread } from './thread.js';

/**
 * 53 bits of the state of everything: memory, what each thread that lives has seen, and what the checks know, from threads
 * that are dead, too.
 */
export function hash(machine: Machine, current: Thread | undefined, more: number): number {
  let [a, b] = [(current?.index ?? -1) ^ (more << 8), more];
  const into = (value: number): void => {
    a = Math.imul(a ^ value, 0x9e37_79b1);
    a ^= a >>> 15;
    b = Math.imul(b ^ value, 0x85eb_ca77);
    b = (b << 13) | (b >>> 19);
  };
  into(machine.shared.hash1);
  into(machine.shared.hash2);
  into(machine.clock);
  machine.waiting(into);
  for (const { state } of machine.checks) into(sumOf(state));
  into(sumOf(machine.happened));
  for (const { at } of machine.threads) {
    into(at.hash1);
    into(at.hash2);
  }
  // As cyrb53 (bryc) ends: each half of the result depends on all of both.
  const high = Math.imul(a ^ (a >>> 16), 0x85eb_ca6b) ^ Math.imul(b ^ (b >>> 13), 0xc2b2_ae35);
  const low = Math.imul(b ^ (b >>> 16), 0x85eb_ca6b) ^ Math.imul(a ^ (a >>> 13), 0xc2b2_ae35);
  return (high & 0x1f_ffff) * 2 ** 32 + (low >>> 0);
}

const sums = new WeakMap<object, number>();

/** Of what is never changed. The order of lists and maps makes no difference. */
function sumOf(value: unknown): number {
  if (typeof value === 'number') return finish(value);
  if (value instanceof Thread) return finish(-2 - value.index);
  if (typeof value !== 'object' || value === null) return textSum(String(value));
  const known = sums.get(value);
  if (known !== undefined) return known;
  let sum = 0;
  if (value instanceof Map) for (const [key, part] of value) sum = (sum + pairSum(sumOf(key), part)) | 0;
  else if (Array.isArray(value)) for (const part of value) sum = (sum + pairSum(0, part)) | 0;
  else for (const key in value) sum = (sum + pairSum(textSum(key), Reflect.get(value, key))) | 0;
  sums.set(value, sum);
  return sum;
}

function pairSum(key: number, part: unknown): number {
  return finish(key ^ Math.imul(sumOf(part), 0x9e37_79b1));
}

const texts = new Map<string, number>();

function textSum(text: string): number {
  let sum = texts.get(text);
  if (sum === undefined) {
    sum = text.length;
    for (let i = 0; i < text.length; i++) sum = Math.imul(sum ^ text.charCodeAt(i), 0x0100_0193);
    sum = finish(sum);
    texts.set(text, sum);
  }
  return sum;
}
