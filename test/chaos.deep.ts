/**
 * Chaos: `node build/test/chaos.deep.js [minutes] [seed]`. Many short rounds, in each of which the worker thread, producer
 * threads, starts and drains are disturbed at random: see chaos/round.ts. A failure prints the round's seed, which gives
 * the same random choices again (the threads' timing it cannot).
 */
import { inspect } from 'node:util';
import { noTotals, Round, type Totals } from './chaos/round.js';
import { figure } from './support/figures.js';

const minutes = Number(process.argv[2] ?? 5);
const first = Number(process.argv[3] ?? Date.now() % 1_000_000);
const LINE_MS = 30_000;

const total: Totals & { rounds: number } = { rounds: 0, ...noTotals() };
const end = performance.now() + minutes * 60_000;
let nextLine = performance.now() + LINE_MS;
console.log(`${minutes} minutes, seed ${first}`);

console.error = () => {}; // what the supervisor says of each thread that ends
for (let seed = first; total.rounds === 0 || performance.now() < end; seed++) {
  const round = new Round(seed);
  try {
    await round.run();
  } catch (error) {
    console.log(`FAILED: ${inspect(error)}\nagain: node build/test/chaos.deep.js 0 ${seed}`);
    process.exitCode = 1;
    break;
  }
  total.rounds += 1;
  for (const name of Object.keys(round.totals) as (keyof Totals)[]) total[name] += round.totals[name];
  if (performance.now() < nextLine) continue;
  nextLine += LINE_MS;
  console.log(JSON.stringify(total));
}
console.log(JSON.stringify(total));
if (process.exitCode === undefined) {
  const { rounds, accepted, workersEnded, producersEnded, startsDisturbed, drainsDisturbed } = total;
  figure(
    `chaos: ${minutes} min, ${rounds} rounds, ${accepted} tasks balanced, ${workersEnded} worker and ${producersEnded} ` +
      `producer threads ended, ${startsDisturbed} starts and ${drainsDisturbed} drains disturbed`,
  );
}
process.exit();
