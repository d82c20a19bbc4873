/** What a caller may pass: the checks that all rooms share, with errors that say what was expected and what came. */
import { inspect } from 'node:util';

/** @throws RangeError if `value` is not an integer from `min` to `max` */
export function expectInteger(name: string, value: unknown, min: number, max: number): void {
  if (Number.isInteger(value) && (value as number) >= min && (value as number) <= max) return;
  throw new RangeError(`Expected \`${name}\` to be an integer from ${min} to ${max}, got ${shown(value)}`);
}

/** @throws TypeError if `options` is not an object, or has a field that is none of `names` */
export function expectOptions(options: unknown, ...names: readonly string[]): void {
  if (typeof options !== 'object' || options === null)
    throw new TypeError(`Expected \`options\` to be an object, got ${shown(options)}`);
  const other = Object.keys(options).find((name) => !names.includes(name));
  if (other === undefined) return;
  const known = names.map((name) => `\`${name}\``).join(', ');
  throw new TypeError(`Expected no option but ${known}, got \`${other}\``);
}

/** A value as an error message shows it: of an object its class, of a long text the start. */
export function shown(value: unknown): string {
  return inspect(value, { depth: -1, customInspect: false, maxStringLength: 100 });
}
