/** What became of the tests that a client is released with. */
export interface SuiteResult {
  /** Of the client, as it was run. */
  readonly version: string;
  readonly passed: readonly string[];
  readonly failed: readonly string[];
  readonly skipped: readonly string[];
  /** Not run, with the reason; neither a pass nor a failure. */
  readonly leftOut?: readonly LeftOut[];
}

export interface LeftOut {
  readonly tests: string;
  readonly count: number;
  readonly why: string;
}

const columns = ['tests', 'pass', 'fail', 'of those that ran', 'skip themselves', 'left out'];

/**
 * The section of docs/clickhouse-clients.md about them: a row a suite, then what each left out and what fails in it.
 * What the section says of suites that were not run this time stays.
 */
export function suiteSection(before: string, results: ReadonlyMap<string, SuiteResult>): string {
  const said = before.split('\n');
  const names = [...results.keys(), ...said.flatMap((line) => /^\| ([a-z][\w/-]*) \d/.exec(line)?.[1] ?? [])];
  const suites = [...new Set(names)].sort();
  const rows = suites.map((name) => {
    const result = results.get(name);
    return result === undefined ? said.filter((line) => line.startsWith(`| ${name} `)).join('\n') : rowOf(name, result);
  });
  const lists = suites.flatMap((name) => {
    const result = results.get(name);
    return result === undefined ? said.filter((line) => line.startsWith(`- ${name}, `)) : listsOf(name, result);
  });
  const table = [`| ${columns.join(' | ')} |`, `|${' --- |'.repeat(columns.length)}`, ...rows];
  return [...table, ...(lists.length === 0 ? [] : ['', ...lists])].join('\n');
}

function rowOf(name: string, result: SuiteResult): string {
  const { version, passed, failed, skipped, leftOut = [] } = result;
  const ran = passed.length + failed.length;
  const share = ran === 0 ? '' : `${(Math.floor((1_000 * passed.length) / ran) / 10).toFixed(1)} %`;
  const left = leftOut.reduce((sum, { count }) => sum + count, 0);
  return `| ${name} ${version} | ${passed.length} | ${failed.length} | ${share} | ${skipped.length} | ${left} |`;
}

function listsOf(name: string, { failed, leftOut = [] }: SuiteResult): string[] {
  const left = leftOut.map(({ tests, count, why }) => `- ${name}, left out: ${tests} (${count}): ${why}.`);
  if (failed.length === 0) return left;
  return [...left, `- ${name}, fail: ${failed.map((test) => `\`${test}\``).join(', ')}.`];
}
