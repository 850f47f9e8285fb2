import { parseArgs } from 'node:util';
import { answerHelp } from '../../src/cli/help.js';
import { parseSource, projectFiles, type SourceFile } from '../support/source-file.js';
import { Jury } from './jury.js';
import { type Mutant, sourceMutants } from './mutant.js';
import { RelatedTests } from './related-tests.js';
import { shuffled } from './sample.js';
import { ScratchCheckout } from './scratch-checkout.js';
import { sqlMutants } from './sql-mutants.js';

/**
 * `npm run mutants -- --folder src/ingest [--count 20] [--skip 0] [--seed 1] [--file name] [--near]`: makes one small
 * change at a time in a copy of the working tree, and runs the tests that should notice, the nearest first. What no
 * test notices is a survivor: a behaviour that nothing holds, or a change that changes nothing. Exit code 1 when there
 * are survivors.
 */
const usage = `usage: mutants --folder <folder> [--count 20] [--skip 0] [--seed 1]
               [--file <part>] [--at <line>] [--near] [--list]
`;
answerHelp(usage);
const { values } = parseArgs({
  options: {
    folder: { type: 'string', default: 'src/ingest' },
    count: { type: 'string', default: '20' },
    /** How many of the same seed were asked before. */
    skip: { type: 'string', default: '0' },
    seed: { type: 'string', default: '1' },
    file: { type: 'string', default: '' },
    at: { type: 'string' },
    /** Only the nearest test files, where there is no time for all. */
    near: { type: 'boolean', default: false },
    list: { type: 'boolean', default: false },
  },
});
const print = (text: string) => process.stdout.write(`${text}\n`);

const project = projectFiles();
const sources = project
  .filter(({ path }) => /^(src|workers|test)\/.*\.ts$/.test(path) && !path.endsWith('.d.ts'))
  .map(parseSource);
const folder = `${values.folder.replace(/\/$/, '')}/`;
const [count, skip] = [Number(values.count), Number(values.skip)];
const chosen = shuffled(allMutants(), Number(values.seed)).slice(skip, skip + count);
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
  const scratch = new ScratchCheckout(project);
  process.once('SIGINT', () => {
    scratch.remove();
    process.exit(130);
  });
  try {
    const jury = new Jury(scratch, {
      project,
      related: new RelatedTests(sources),
      print,
      isNear: values.near,
    });
    const survivors: Mutant[] = [];
    for (const [index, mutant] of mutants.entries()) {
      const verdict = await jury.judge(mutant);
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

function report(count: number, survivors: readonly Mutant[]): void {
  const killed = count - survivors.length;
  print('');
  for (const { path, line, says } of survivors) print(`survived: ${path}:${line}: ${says}`);
  const score = count === 0 ? 0 : Math.round((100 * killed) / count);
  print(`${values.folder}, seed ${values.seed}: ${killed} of ${count} killed, score ${score} %`);
  process.exitCode = survivors.length > 0 || count === 0 ? 1 : 0;
}
