import { readFileSync, writeFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { answerHelp } from '../../src/cli/help.js';
import { packageFile } from '../../src/core/package-root.js';
import { differences } from './difference.js';
import type { Recording } from './recorded-answer.js';
import { recordAnswers } from './recorder.js';

/**
 * What a build answers to a seeded history, for comparing two builds: `npm run answers -- record <file>` records every
 * endpoint, the views of the contract and the series of `/metrics` of this build or of that in `--dist`;
 * `npm run answers -- compare <before> <after>` prints what differs and ends with 1 when anything does. Both records
 * need the same `--at`, the base time of the history, and are made within an hour of it.
 */
const usage = [
  'usage: answers record <file> [--dist <directory>] [--at <ms since the epoch>] [--seed 1]',
  '       answers compare <before> <after> [--allow-added]',
  '',
].join('\n');
answerHelp(usage);
const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    dist: { type: 'string', default: fileURLToPath(packageFile('dist')) },
    at: { type: 'string' },
    seed: { type: 'string', default: '1' },
    'allow-added': { type: 'boolean', default: false },
  },
});
const print = (text: string) => process.stdout.write(`${text}\n`);
const hourMs = 3_600_000;
/** Of one difference that runs through an answer, the beginning says what it is. */
const shownMax = 12;

const [command, ...files] = positionals;
if (command === 'record' && files.length === 1) await record(files[0] ?? '');
else if (command === 'compare' && files.length === 2) process.exitCode = compare(files[0] ?? '', files[1] ?? '');
else {
  print(usage);
  process.exitCode = 2;
}

async function record(file: string): Promise<void> {
  const baseMs = Number(values.at ?? Math.floor(Date.now() / hourMs) * hourMs);
  const seed = Number(values.seed);
  if (!Number.isInteger(seed) || !(Math.abs(Date.now() - baseMs) < 2 * hourMs) || baseMs > Date.now()) {
    throw new Error('cannot record: --seed is a whole number, --at a time of the last two hours in ms');
  }
  print(`--at ${baseMs} --seed ${seed}`);
  const program = resolve(values.dist, 'src/main.js');
  const recording = await recordAnswers({ program, baseMs, seed, print });
  const { answers } = recording;
  const ordered = Object.fromEntries(Object.entries(answers).sort(([a], [b]) => (a < b ? -1 : 1)));
  writeFileSync(file, `${JSON.stringify({ ...recording, answers: ordered }, null, 1)}\n`);
  print(`${Object.keys(answers).length} answers in ${file}`);
}

function compare(beforeFile: string, afterFile: string): number {
  const [before, after] = [beforeFile, afterFile].map((file) => JSON.parse(readFileSync(file, 'utf8')) as Recording);
  if (before === undefined || after === undefined) return 2;
  if (before.baseMs !== after.baseMs || before.seed !== after.seed) {
    print('cannot compare: the two were recorded with another --at or --seed');
    return 2;
  }
  const names = [...new Set([...Object.keys(before.answers), ...Object.keys(after.answers)])];
  let differing = 0;
  for (const name of names) {
    const options = { allowAdded: values['allow-added'] };
    const found = differences(before.answers[name], after.answers[name], options);
    if (found.length === 0) continue;
    differing += 1;
    print(
      `${name}\n${found
        .slice(0, shownMax)
        .map((line) => `  ${line}\n`)
        .join('')}`,
    );
    if (found.length > shownMax) print(`  and ${found.length - shownMax} more\n`);
  }
  print(`${names.length} answers, ${differing} differ`);
  return differing === 0 ? 0 : 1;
}
