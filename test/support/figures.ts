/** What a proof has to show for its time, in one line, for whoever runs several of them: see deep.sh. */
import { appendFileSync } from 'node:fs';

/** Appends the line to the file that the environment variable FIGURES names, if it names one. */
export function figure(line: string): void {
  const file = process.env['FIGURES'];
  if (file !== undefined && file !== '') appendFileSync(file, `${line}\n`);
}
