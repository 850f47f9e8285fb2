import { parseArgs } from 'node:util';
import { answerHelp } from '../../src/cli/help.js';
import { parseSource, projectFiles, type SourceFile } from '../support/source-file.js';
import { type Mutant, mutated, sourceMutants } from './mutant.js';
import { RelatedTests } from './related-tests.js';
import { shuffled } from './sample.js';
import { ScratchCheckout, type TestVerdict } from './scratch-checkout.js';
import { sqlMutants } from './sql-mutants.js';

/**
 * `npm run mutants -- --folder src/ingest [--count 20] [--seed 1] [--file name] [--list]`: makes one small change at a
 * time in a copy of the working tree, and runs the tests that should notice, the nearest first. What no test notices is
 * a survivor: a behaviour that nothing holds, or a change that changes nothing. Exit code 1 when there are survivors.
 */
const usage =
  'usage: mutants --folder <folder> [--count 20] [--seed 1] [--file <part of a path>] [--at <line>] [--list]\n';
answerHelp(usage);
const { values } = parseArgs({
  options: {
    folder: { type: 'string', default: 'src/ingest' },
    count: { type: 'string', default: '20' },
    seed: { type: 'string', default: '1' },
    file: { type: 'string', default: '' },
    at: { type: 'string' },
    list: { type: 'boolean', default: false },
  },
});
/** Tests that take longer run after the others, and a change that a fast one notices never reaches them. */
const fastSeconds = 8;
/** Beyond what the tests take without a change: one that never ends is noticed. */
const graceSeconds = 90;
const print = (text: string) => process.stdout.write(`${text}\n`);

const project = projectFiles();
const sources = project
  .filter(({ path }) => /^(src|workers|test)\/.*\.ts$/.test(path) && !path.endsWith('.d.ts'))
  .map(parseSource);
const folder = `${values.folder.replace(/\/$/, '')}/`;
const chosen = shuffled(allMutants(), Number(values.seed)).slice(0, Number(values.count));
if (values.list) {
  for (const mutant of chosen) print(`${mutant.path}:${mutant.line}: ${mutant.says}`);
} else await run(chosen);

function allMutants(): Mutant[] {
  const isChosen = ({ path }: { readonly path: string }) => path.startsWith(folder) && path.includes(values.file);
  const ofSources = sources.filter(isChosen).flatMap((file) => [...sourceMutants(file), ...statementsOf(file)]);
  const ofSql = project.filter((file) => isChosen(file) && file.path.endsWith('.sql')).flatMap(sqlMutants);
  return [...ofSources, ...ofSql].filter(({ line }) => values.at === undefined || line === Number(values.at));
}

function statementsOf(file: SourceFile): Mutant[] {
  return file.path.startsWith('src/clickhouse/') ? sqlMutants(file) : [];
}

async function run(mutants: readonly Mutant[]): Promise<void> {
  const related = new RelatedTests(sources);
  const scratch = new ScratchCheckout(project);
  process.once('SIGINT', () => {
    scratch.remove();
    process.exit(130);
  });
  try {
    const testsOf = new Map(mutants.map(({ path }) => [path, related.of(path)]));
    const known = await baseline(scratch, [...new Set([...testsOf.values()].flat())]);
    const survivors: Mutant[] = [];
    for (const [index, mutant] of mutants.entries()) {
      const verdict = await judge(scratch, mutant, { tests: testsOf.get(mutant.path)!, known });
      if (verdict.passed) survivors.push(mutant);
      const outcome = verdict.passed ? 'SURVIVED' : verdict.late ? 'killed (time)' : 'killed';
      print(`${index + 1}/${mutants.length} ${outcome} ${mutant.path}:${mutant.line}: ${mutant.says}`);
      print(`    ${verdict.passed ? 'no test noticed' : verdict.failure} (${Math.round(verdict.seconds)} s)`);
    }
    report(mutants.length, survivors);
  } finally {
    scratch.remove();
  }
}

/** How long each test file takes; what fails without a change says nothing of one and is left out, by name. */
async function baseline(scratch: ScratchCheckout, tests: readonly string[]): Promise<ReadonlyMap<string, number>> {
  print(`${tests.length} test files without a change ...`);
  const { secondsOf, failures, seconds } = await scratch.test(tests, { secondsMax: 3_600, all: true });
  for (const test of tests) {
    if (!secondsOf.has(test)) print(`left out ${test}: ${failures.get(test) ?? 'it did not end'}`);
  }
  print(`${secondsOf.size} of them in ${Math.round(seconds)} s`);
  return secondsOf;
}

async function judge(
  scratch: ScratchCheckout,
  mutant: Mutant,
  { tests, known }: { readonly tests: readonly string[]; readonly known: ReadonlyMap<string, number> },
): Promise<TestVerdict> {
  const file = project.find(({ path }) => path === mutant.path)!;
  const usable = tests.filter((test) => known.has(test));
  const isFast = (test: string) => known.get(test)! <= fastSeconds;
  const groups = [usable.filter(isFast), ...usable.filter((test) => !isFast(test)).map((test) => [test])];
  let seconds = 0;
  scratch.write(mutant.path, mutated(file, mutant));
  try {
    for (const group of groups.filter(({ length }) => length > 0)) {
      const usual = group.reduce((sum, test) => sum + known.get(test)!, 0);
      const verdict = await scratch.test(group, { secondsMax: graceSeconds + 3 * usual });
      seconds += verdict.seconds;
      if (!verdict.passed) return { ...verdict, seconds };
    }
  } finally {
    scratch.write(mutant.path, file.text);
  }
  return { passed: true, late: false, failure: '', seconds, secondsOf: new Map(), failures: new Map() };
}

function report(count: number, survivors: readonly Mutant[]): void {
  const killed = count - survivors.length;
  print('');
  for (const { path, line, says } of survivors) print(`survived: ${path}:${line}: ${says}`);
  const score = count === 0 ? 0 : Math.round((100 * killed) / count);
  print(`${values.folder}, seed ${values.seed}: ${killed} of ${count} killed, score ${score} %`);
  process.exitCode = survivors.length > 0 || count === 0 ? 1 : 0;
}
