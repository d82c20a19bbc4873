/** Tables of figures: each version of Node.js is a figure of its own, several machines are a range. */
import { keyOf, type Question } from '../question.js';
import { majorOf, type Results } from '../results.js';
import { digits, median, type Rounds, ratio, spread } from '../statistics.js';

/** Results under one version of Node.js, one for each machine. */
export interface Column {
  readonly title: string;
  readonly results: readonly Results[];
}

/** What a cell shows of one result; `undefined`: it was not measured. */
export type Pick = (results: Results) => Rounds | undefined;

const OLDEST = 20;
const NEWEST = 26;
export const ABSENT = 'not measured yet';

/** The oldest version that is promised, and the newest that was measured. */
export function columnsOf(all: readonly Results[]): Column[] {
  const later = all.map(majorOf).filter((major) => major > OLDEST);
  return [OLDEST, later.length > 0 ? Math.max(...later) : NEWEST].map((major) => {
    return { title: `Node.js ${major}`, results: all.filter((each) => majorOf(each) === major) };
  });
}

/** A figure, or how many times it is that of another case. */
export function pick(id: string, key: string, name: string, against?: string | undefined, unit = 1): Pick {
  return ({ figures }) => {
    const [own, other] = [name, against].map((each) => figures[id]?.[each ?? '']?.[key]);
    if (against !== undefined) return own && other && ratio(own, other);
    return own?.map((value) => value / unit);
  };
}

/** The median, by default with its spread over the rounds; of several machines, the lowest and the highest median. */
export function cell(of: Pick, { results }: Column, one = spread): string {
  const found = results.map(of).filter((rounds) => rounds !== undefined);
  const [first, ...others] = found;
  if (first === undefined) return '–';
  if (others.length === 0) return one(first);
  const medians = found.map(median);
  return `${digits(Math.min(...medians))}–${digits(Math.max(...medians))}`;
}

/** The median alone. */
export function brief(of: Pick, column: Column): string {
  return cell(of, column, (rounds) => digits(median(rounds)));
}

/** The table of a question, with a dot between the versions. */
export function tableOf(question: Question, columns: readonly Column[], format = brief): string {
  const { id, rows, settings, shown } = question;
  const cells = settings.flatMap(({ name: setting }) =>
    shown.map(({ head, key, against, unit }) => ({
      head: setting === '' ? head : `${setting}: ${head}`,
      of: (row: string) => pick(id, key, keyOf(row, setting), against && keyOf(against, setting), unit),
    })),
  );
  const text = (of: Pick) => columns.map((column) => format(of, column)).join(' · ');
  return markdown(
    ['', ...cells.map(({ head }) => head)],
    rows.map(({ name }) => [name, ...cells.map(({ of }) => text(of(name)))]),
  );
}

/** A table. A row without a figure says so. */
export function markdown(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const all = rows.map(([label = '', ...cells]) =>
    cells.some((text) => /\d/.test(text)) ? [label, ...cells] : [label, ABSENT],
  );
  const line = (cells: readonly string[]) => `| ${head.map((_, i) => cells[i] ?? '').join(' | ')} |`;
  return [line(head), line(head.map(() => '---')), ...all.map(line)].join('\n');
}
