import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { answerHelp } from '../src/cli/help.js';
import { renderChart } from './figure-chart.js';
import { resultsDirectory } from './result-file.js';
import { type BenchRun, linesOf } from './run-summary.js';

const usage = `usage: bench:chart [--out <file.svg>] [<bench-….json>…]
       without files: all of bench/results/
`;

/**
 * `npm run bench:chart [-- --out figures.svg <file>…]`
 *
 * Draws the figures of `npm run bench` over commits, a panel a figure: each run a dot, a line through the medians,
 * floor and goal dashed. Commits stand in the order in which they were first measured; runs of other machines are left
 * out, since they cannot be compared.
 */
function main(): void {
  answerHelp(usage);
  const { values, positionals } = parseArgs({ allowPositionals: true, options: { out: { type: 'string' } } });
  const paths = positionals.length > 0 ? positionals : resultPaths();
  const runs = paths
    .map((path) => JSON.parse(readFileSync(path, 'utf8')) as BenchRun)
    .filter(({ options }) => options.nodeFlags.length === 0)
    .sort((a, b) => (a.at < b.at ? -1 : 1));
  const newest = runs.at(-1);
  if (newest === undefined) throw new Error('cannot draw: there is no result of npm run bench');
  const { processor, processors } = newest.machine;
  const same = runs.filter(({ machine }) => machine.processor === processor && machine.processors === processors);
  const measured = same.map(({ machine, results }) => ({ commit: machine.commit, lines: linesOf(results) }));
  const path = values.out ?? `${resultsDirectory}figures.svg`;
  writeFileSync(path, renderChart(measured, `${processors} × ${processor}`));
  process.stderr.write(`written to ${path}: ${same.length} of ${runs.length} runs\n`);
}

function resultPaths(): string[] {
  return readdirSync(resultsDirectory)
    .filter((name) => /^bench-.*\.json$/.test(name))
    .map((name) => `${resultsDirectory}${name}`);
}

main();
