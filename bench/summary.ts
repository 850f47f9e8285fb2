import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { answerHelp } from '../src/cli/help.js';
import { machineText } from './bench-report.js';
import { resultsDirectory } from './result-file.js';
import { type BenchRun, summaryOf } from './run-summary.js';

const usage = `usage: bench:summary [<bench-….json>…]
       without files: all of bench/results/
`;

/**
 * `npm run bench:summary [-- <file>…]`
 *
 * Makes `bench/results/summary.json` of the results of `npm run bench` that lie there: of each figure the median over
 * the runs of the newest commit and machine that measured it. `npm run reference` writes it into the README.
 */
function main(): void {
  answerHelp(usage);
  const { positionals } = parseArgs({ allowPositionals: true });
  const paths = positionals.length > 0 ? positionals : resultPaths();
  const runs = paths.map((path) => JSON.parse(readFileSync(path, 'utf8')) as BenchRun);
  const summary = summaryOf(runs, machineText);
  if (summary.figures.length === 0) throw new Error(`cannot make a summary: no figures in ${paths.length} files`);
  const path = `${resultsDirectory}summary.json`;
  writeFileSync(path, `${JSON.stringify(summary, null, 2)}\n`);
  process.stderr.write(`written to ${path}: ${summary.figures.length} figures of ${paths.length} files\n`);
}

function resultPaths(): string[] {
  return readdirSync(resultsDirectory)
    .filter((name) => /^bench-.*\.json$/.test(name))
    .map((name) => `${resultsDirectory}${name}`);
}

main();
