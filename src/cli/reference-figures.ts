/** What `npm run bench:summary` writes to `bench/results/summary.json`. */
export interface Summary {
  /** What made the runs it is of. */
  readonly command: string;
  readonly figures: readonly Figure[];
}

/** One row of the README's table of figures. */
export interface Figure {
  readonly name: string;
  readonly unit: string;
  /** Median of the runs. */
  readonly value: number;
  readonly lowest: number;
  readonly highest: number;
  readonly runs: number;
  /** Null where none was set. */
  readonly floor: number | null;
  readonly goal: number | null;
  /** Processors, system and commit of the runs. */
  readonly where: string;
}

/** The README's table: a row a figure, and under it where they were measured. */
export function figuresTable({ command, figures }: Summary): string {
  const places = [...new Set(figures.map(({ where }) => where))];
  const rows = figures.map((figure) => {
    const { name, unit, value, lowest, highest, runs, floor, goal, where } = figure;
    const spread = runs === 1 ? '' : ` (${text(lowest)} to ${text(highest)})`;
    const place = places.length === 1 ? '' : ` ${'abcdefgh'[places.indexOf(where)] ?? '?'}`;
    const bounds = [floor, goal].map((bound) => (bound === null ? '' : withUnit(bound, unit)));
    return `| ${name} | ${withUnit(value, unit)}${spread} | ${bounds.join(' | ')} | ${runs}${place} |`;
  });
  const notes = places.map((where, index) => (places.length === 1 ? where : `${'abcdefgh'[index] ?? '?'}: ${where}`));
  return [
    '| | measured | floor | goal | runs |',
    '| --- | --- | --- | --- | --- |',
    ...rows,
    '',
    `Made by \`${command}\`; the median and, of several runs, the lowest and highest. On ${notes.join('; ')}.`,
  ].join('\n');
}

function withUnit(value: number, unit: string): string {
  return `${text(value)}${unit === '' || unit === '/s' ? '' : ` ${unit}`}`;
}

/** Three digits, which is more than these machines repeat. */
function text(value: number): string {
  return Number(value.toPrecision(3)).toLocaleString('en-US');
}
