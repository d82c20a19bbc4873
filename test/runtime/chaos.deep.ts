/**
 * Chaos: `node build/test/runtime/chaos.deep.js [minutes] [seed]`. Many short rounds; a failure prints the seed of its round.
 */
import { inspect } from 'node:util';
import { randomFrom } from '../support/wait.js';
import { type Plan, playRound } from './support/round.js';

const minutes = Number(process.argv[2] ?? 5);
const first = Number(process.argv[3] ?? Date.now() % 1_000_000);
const end = performance.now() + minutes * 60_000;
const total: Record<string, number> = { rounds: 0 };
console.error = () => {}; // what the supervisor says of each thread that ends
console.log(`${minutes} minutes, seed ${first}`);
for (let seed = first; seed === first || performance.now() < end; seed++) {
  const random = randomFrom(seed);
  const plan: Plan = {
    capacity: [1, 2, 7, 32, 600][random(5)] ?? 1,
    concurrency: 1 + random(4),
    tasks: 50 + random(150),
    producers: random(4),
    end: (['quiet', 'cut', 'close'] as const)[random(3)] ?? 'quiet',
  };
  try {
    const books = await playRound(random, plan);
    for (const [what, count] of Object.entries({ ...books, rounds: 1 }))
      total[what] = (total[what] ?? 0) + count;
  } catch (error) {
    const again = `again: node build/test/runtime/chaos.deep.js 0 ${seed}`;
    console.log(`FAILED: ${inspect(plan)}\n${inspect(error)}\n${again}`);
    process.exit(1);
  }
}
console.log(JSON.stringify(total));
process.exit();
