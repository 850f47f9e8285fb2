import { expect, test } from 'vitest';
import { parseSource } from '../support/source-file.js';
import { mutated, sourceMutants } from './mutant.js';
import { RelatedTests } from './related-tests.js';
import { shuffled } from './sample.js';
import { sqlMutants } from './sql-mutants.js';

function source(text: string, path = 'src/a/a.ts') {
  return parseSource({ path, text });
}

const changesOf = (text: string): string[] => {
  const file = source(text);
  return sourceMutants(file).map((mutant) => mutated(file, mutant));
};

test.each([
  ['f(a < b);', ['f(a <= b);', 'f(a >= b);', ';']],
  ['f(a === b);', ['f(a !== b);', ';']],
  ['const x = a - b;', ['const x = a + b;']],
  ['const x = a && b;', ['const x = a || b;']],
  ['const x = a ?? b;', ['const x = a;']],
  ['const x = !a;', ['const x = a;']],
  ['if (a) b = c;', ['if (false) b = c;', 'if (a) ;']],
  ['const x = a ? b : c;', ['const x = !(a) ? b : c;']],
  ['n += m;', ['n -= m;', ';']],
  ['n++;', ['n--;', ';']],
  ['const x = 4;', ['const x = 5;']],
  ['const x = true;', ['const x = false;']],
  ["const x = a === 'full';", ["const x = a !== 'full';", "const x = a === 'full_other';"]],
  ['const x = { a: b, c: d };', ['const x = { a: d, c: b };']],
  ['const x = { a, b };', ['const x = { a: b, b: a };']],
  ['const x = Math.min(a, b);', ['const x = Math.max(a, b);']],
  ['const x = list.some(f);', ['const x = list.every(f);']],
])('%s is changed in each way that a test can see', (text, expected) => {
  expect(changesOf(text).sort()).toEqual([...expected].sort());
});

test.each([
  "import { a } from 'lodash';",
  "type X = 'a' | 3;",
  'const x = a.toString();',
  'const x: Record<string, 3> = y;',
  'invariant(a > b, "never");',
  "this.#logger.warn({ a: 1 }, 'b');",
  "throw new CollectorError('full', 'cannot write');",
])('%s is left alone: no behaviour shows it', (text) => {
  expect(changesOf(text)).toEqual([]);
});

test('a mutant says its line and what was there', () => {
  const [mutant] = sourceMutants(source('const a = f(\n  b,\n);\nconst x = a >= b;'));
  expect(mutant).toMatchObject({ line: 4, says: '>= → >', path: 'src/a/a.ts' });
});

test('statements in templates and in files of SQL are changed, and not their comments or the way back', () => {
  const text = `const sql = \`SELECT max(a) FROM b FINAL WHERE c >= \${d} AND e\`;\nconst max = "max(a) FINAL";`;
  const template = source(text, 'src/clickhouse/queries/a.ts');
  expect(sqlMutants(template).map(({ says }) => says)).toEqual(['max( → min(', 'FINAL → nothing', '>= → >']);
  const file = {
    path: 'clickhouse/migrations/1.sql',
    text: '-- max(a) FINAL\nSELECT max(a) FROM b\n-- down\nSELECT min(a)',
  };
  expect(sqlMutants(file).map(({ says, line }) => [line, says])).toEqual([[2, 'max( → min(']]);
});

test('a sample is the same for a seed, another for another one, and loses nothing', () => {
  const items = Array.from({ length: 50 }, (_, index) => index);
  expect(shuffled(items, 3)).toEqual(shuffled(items, 3));
  expect(shuffled(items, 3)).not.toEqual(shuffled(items, 4));
  expect(shuffled(items, 3).sort((a, b) => a - b)).toEqual(items);
});

test('the tests of a file are one of its name, those that import it, the nearest first, then what is named', () => {
  const file = (path: string, text = '') => source(text, path);
  const related = new RelatedTests([
    file('src/spool/quota.ts'),
    file('src/spool/spool.ts', "import './quota.js';"),
    file('src/collector.ts', "import './spool/spool.js';"),
    file('test/spool/far.test.ts', "import '../../src/spool/spool.js';"),
    file('test/spool/quota.test.ts', "import '../../src/spool/spool.js';"),
    file('test/spool/near.test.ts', "import '../../src/spool/quota.js';"),
    file('test/spool/apart.test.ts'),
    file('test/power/cut.test.ts'),
    file('test/live/live.test.ts', "import '../../src/collector.js';"),
    file('src/clickhouse/queries/runs/run-list.ts'),
    file('test/api/runs/run.test.ts', "import '../../../src/clickhouse/queries/runs/run-list.js';"),
  ]);
  expect(related.of('src/spool/quota.ts')).toEqual([
    'test/spool/quota.test.ts',
    'test/spool/near.test.ts',
    'test/spool/far.test.ts',
    'test/power/cut.test.ts',
  ]);
  expect(related.of('src/clickhouse/queries/runs/run-list.ts')).toEqual(['test/api/runs/run.test.ts']);
});
