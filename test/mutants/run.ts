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
/** For a few test files together: one that never ends is noticed. */
const secondsMax = 300;
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
  const scratch = new ScratchCheckout(project);
  process.once('SIGINT', () => {
    scratch.remove();
    process.exit(130);
  });
  try {
    const jury = new Jury(scratch, new RelatedTests(sources));
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

/** Says of a mutant whether the tests notice; a test file that fails without it says nothing, and is asked no more. */
class Jury {
  readonly #scratch: ScratchCheckout;
  readonly #related: RelatedTests;
  /** Test files that pass without a change. */
  readonly #sound = new Set<string>();
  readonly #unsound = new Set<string>();

  constructor(scratch: ScratchCheckout, related: RelatedTests) {
    this.#scratch = scratch;
    this.#related = related;
  }

  async judge(mutant: Mutant): Promise<TestVerdict> {
    let seconds = 0;
    for (const group of this.#related.groupsOf(mutant.path)) {
      for (;;) {
        const tests = group.filter((test) => !this.#unsound.has(test));
        if (tests.length === 0) break;
        const verdict = await this.#testWith(mutant, tests);
        seconds += verdict.seconds;
        if (verdict.passed) break;
        if (await this.#isSound([...verdict.failures.keys()], tests)) return { ...verdict, seconds };
      }
    }
    return { passed: true, late: false, failure: '', seconds, failures: new Map() };
  }

  async #testWith(mutant: Mutant, tests: readonly string[]): Promise<TestVerdict> {
    const file = project.find(({ path }) => path === mutant.path)!;
    this.#scratch.write(mutant.path, mutated(file, mutant));
    try {
      return await this.#scratch.test(tests, { secondsMax });
    } finally {
      this.#scratch.write(mutant.path, file.text);
    }
  }

  /** Whether what failed passes without a change; by all that ran when none is known to have failed. */
  async #isSound(failed: readonly string[], ran: readonly string[]): Promise<boolean> {
    const asked = (failed.length > 0 ? failed : ran).filter((test) => !this.#sound.has(test));
    if (asked.length === 0) return true;
    const verdict = await this.#scratch.test(asked, { secondsMax: 2 * secondsMax });
    if (verdict.passed) {
      for (const test of asked) this.#sound.add(test);
      return true;
    }
    const bad = verdict.failures.size > 0 ? [...verdict.failures.keys()] : asked;
    for (const test of bad) {
      print(`left out ${test}: it fails without a change (${verdict.failures.get(test) ?? verdict.failure})`);
      this.#unsound.add(test);
    }
    return false;
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
