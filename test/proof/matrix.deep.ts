/**
 * `node build/test/proof/matrix.deep.js [seconds] [mutant]`: which scenarios catch which mutant, in so many seconds each; a
 * scenario without a mutant that it alone catches is not needed. The scenario that stands with the mutant comes first, and has more time.
 */
import { hunt } from './hunt.js';
import { mutants } from './mutants.js';
import { buildFor } from './realm.js';
import { scenarios } from './scenarios.js';
import { World } from './world.js';

const [seconds = '1', only = '', rest = 'all', from = '0', to = '999'] = process.argv.slice(2);
const alone = new Map<string, string[]>(scenarios.map(({ name }) => [name, []]));
for (const { name, edits, scenario: own } of mutants
  .slice(Number(from), Number(to))
  .filter((each) => each.name.includes(only))) {
  const by: string[] = [];
  const order = [...scenarios].sort((a, b) => Number(b.name === own) - Number(a.name === own));
  for (const scenario of order) {
    const isOwn = scenario.name === own;
    if (!isOwn && rest === 'own') continue;
    const begin = Date.now();
    const failure = hunt(new World(scenario, buildFor(scenario, edits)), Number(seconds) * (isOwn ? 60 : 1));
    if (failure !== undefined) by.push(scenario.name);
    if (isOwn)
      console.log(
        `${failure === undefined ? 'NOT CAUGHT' : 'caught'}: ${name}: ${failure?.what.split('\n')[0]} ${Date.now() - begin} ms`,
      );
  }
  if (rest === 'own') continue;
  if (by.length === 1) alone.get(by[0] ?? '')?.push(name);
  console.log(`  by ${by.length}: ${by.join(' | ')}`);
}
for (const [scenario, names] of alone) console.log(`${scenario}: ${names.join('; ') || 'NONE ALONE'}`);
