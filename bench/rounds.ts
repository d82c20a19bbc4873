/**
 * Asks questions in rounds: everything once, then, as long as the time allows, more rounds of the questions that come
 * first, then of the others. The order of the programs alternates from round to round.
 */
import type { Plan } from './plan.js';
import { run } from './programs.js';
import { keyOf, type Question, setupOf } from './question.js';
import type { Results } from './results.js';
import type { Rounds } from './statistics.js';

type Mutable<T> = { -readonly [K in keyof T]: T[K] };
type Answers = { readonly [K in 'figures' | 'missing']: Mutable<Results[K]> };

export async function askAll(questions: readonly Question[], plan: Plan): Promise<Answers> {
  const answers: Answers = { figures: {}, missing: {} };
  const costs = new Map<Question, number>();
  const since = performance.now();
  for (const [question, round] of schedule(questions, plan.rounds)) {
    const begin = performance.now();
    if (round > 0 && begin - since + (costs.get(question) ?? 0) > plan.budgetMs) continue;
    process.stderr.write(`${Math.round((begin - since) / 1000)} s: ${question.id}, round ${round + 1}\n`);
    await ask(question, round, plan, answers);
    costs.set(question, performance.now() - begin);
  }
  return answers;
}

function schedule(all: readonly Question[], rounds: number): (readonly [Question, round: number])[] {
  const further = (questions: readonly Question[]) =>
    Array.from({ length: rounds - 1 }, (_, i) => questions.map((each) => [each, i + 1] as const)).flat();
  return [
    ...all.map((question) => [question, 0] as const),
    ...further(all.filter(({ first }) => first === true)),
    ...further(all.filter(({ first }) => first !== true)),
  ];
}

async function ask(question: Question, round: number, plan: Plan, answers: Answers): Promise<void> {
  const { id, rows, settings, together } = question;
  const figures = { ...answers.figures[id] };
  const missing: Record<string, string> = {};
  const cases = settings.flatMap((setting) => rows.map((row) => ({ row, setting })));
  const runCase = async ({ row, setting }: (typeof cases)[number]) => {
    const key = keyOf(row.name, setting.name);
    const why = row.program.missing ?? setting.condition?.missing;
    const printed =
      why === undefined && (await run(row.program, setupOf(row, setting, plan), setting.condition));
    if (!printed) missing[key] = why ?? 'it cannot run under this version';
    else figures[key] = withRound(figures[key], printed);
  };
  const order = round % 2 === 0 ? cases : cases.toReversed();
  if (together === true) await Promise.all(order.map(runCase));
  else for (const each of order) await runCase(each);
  answers.figures[id] = figures;
  answers.missing[id] = missing;
}

function withRound(former: Readonly<Record<string, Rounds>> = {}, printed: Readonly<Record<string, number>>) {
  const rounds = Object.entries(printed).map(([key, one]) => [key, [...(former[key] ?? []), one]]);
  return Object.fromEntries(rounds) as Record<string, Rounds>;
}
