import type { Figure, Summary } from '../src/cli/reference-figures.js';
import type { Machine } from './bench-report.js';
import { type BenchResults, budgetLines } from './budget.js';

/** A file that `npm run bench` has written. */
export interface BenchRun {
  readonly at: string;
  readonly machine: Machine;
  readonly options: { readonly nodeFlags: readonly string[] };
  readonly results: BenchResults;
}

export type Measured = Pick<Figure, 'name' | 'unit' | 'value' | 'floor' | 'goal'>;

/**
 * Of each figure the median over the runs of one machine and commit: those of the newest run that has it. Runs that
 * measured nothing, or under a profiler, count for nothing.
 */
export function summaryOf(runs: readonly BenchRun[], where: (machine: Machine) => string): Summary {
  const plain = runs.filter(({ options }) => options.nodeFlags.length === 0);
  const newestFirst = plain.sort((a, b) => (a.at < b.at ? 1 : -1));
  const measured = newestFirst.map(({ machine, results }) => ({ where: where(machine), lines: linesOf(results) }));
  const mostFirst = measured.toSorted((a, b) => b.lines.length - a.lines.length);
  const names = new Set(mostFirst.flatMap(({ lines }) => lines.map(({ name }) => name)));
  const figures = [...names].map((name) => {
    const having = measured.flatMap(({ where: place, lines }) =>
      lines.filter((line) => line.name === name).map((line) => ({ place, line })),
    );
    const newest = having[0]!;
    const same = having.filter(({ place }) => place === newest.place).map(({ line }) => line.value);
    const sorted = same.toSorted((a, b) => a - b);
    const { unit, floor, goal } = newest.line;
    return {
      name,
      unit,
      value: median(sorted),
      lowest: sorted[0]!,
      highest: sorted.at(-1)!,
      runs: sorted.length,
      floor,
      goal,
      where: newest.place,
    };
  });
  return { command: 'npm run bench', figures };
}

/** The figures of one run, by the names under which the summary has them. */
export function linesOf(results: BenchResults): Measured[] {
  const { maps, positional, paced } = results;
  const more: (Measured | null)[] = [
    told('events/CPU-s, maps, WebSockets by ws', results['maps-ws']?.eventsPerCpuSecond, '/s'),
    told('events/CPU-s, positional, WebSockets by ws', results['positional-ws']?.eventsPerCpuSecond, '/s'),
    told('events stored per second at full rate, maps', maps?.storedPerSecond, '/s'),
    told('events stored per second at full rate, positional', positional?.storedPerSecond, '/s'),
    told('ack p50 at half of the maximum rate', paced?.ackP50Ms, 'ms'),
  ];
  return [...budgetLines(results), ...more.filter((entry) => entry !== null)];
}

/** Of sorted values; of an even number the lower of the two in the middle, which was measured. */
function median(sorted: readonly number[]): number {
  return sorted[Math.floor((sorted.length - 1) / 2)]!;
}

function told(name: string, value: number | null | undefined, unit: string): Measured | null {
  return value === undefined || value === null ? null : { name, value, unit, floor: null, goal: null };
}
