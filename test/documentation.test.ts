import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { configFields } from '../src/config/config.js';
import { packageFile } from '../src/core/package-root.js';
import { metricsReference } from '../src/telemetry/metrics-reference.js';
import { documentationPages } from './support/doc-pages.js';
import * as rules from './support/doc-rules.js';
import { projectFiles, projectPaths, type TextFile } from './support/source-file.js';

/** What the pages name is there. Each rule runs on all of them, and on a page that breaks it. */
const project = projectFiles();
const pages = documentationPages(project);
const { scripts } = JSON.parse(readFileSync(packageFile('package.json'), 'utf8')) as {
  readonly scripts: Readonly<Record<string, string>>;
};
const variablesOfTests = project
  .filter(({ path }) => /^(test|bench)\/.*\.ts$/.test(path) && path !== 'test/documentation.test.ts')
  .flatMap(({ text }) => text.match(/\bTIDEMARK_[A-Z_]+\b/g) ?? []);
const named: rules.Named = {
  paths: new Set(projectPaths()),
  scripts: new Set(Object.keys(scripts)),
  variables: new Set(['TIDEMARK_CONFIG', ...configFields.map(({ variable }) => variable), ...variablesOfTests]),
  settings: new Set(configFields.map(({ path }) => path)),
  metrics: new Set(metricsReference.map(({ name }) => name)),
};

const page = (path: string, text: string): TextFile => ({ path, text });
const cases: readonly {
  readonly says: string;
  readonly rule: rules.DocRule;
  readonly bad: readonly TextFile[];
  readonly found: readonly string[];
}[] = [
  {
    says: 'links lead to a file and a heading',
    rule: rules.linksResolve,
    bad: [
      page(
        'README.md',
        '# A `b`: c\n[x](docs/one.md) [y](#a-b-c)\n[z](docs/two.md)\n```\n[no](link)\n```\n[w](#gone)\n',
      ),
      page('docs/one.md', '[up](../README.md#a-b-c) [there](https://example.com/x)\n[no](three.md)\n'),
    ],
    found: [
      'README.md:3: there is no docs/two.md',
      'README.md:7: README.md has no heading #gone',
      'docs/one.md:2: there is no docs/three.md',
    ],
  },
  {
    says: 'paths in backticks are there',
    rule: rules.namedPathsExist,
    bad: [
      page(
        'docs/a.md',
        '`src/core` `src/core/clock.ts` `src/*/clock.ts` `src/<stage>/` `clock.ts`\n`src/core/none.ts`',
      ),
      page('docs/b.md', '`test/none`\n`none.ts`\n'),
    ],
    found: [
      'docs/a.md:2: there is no src/core/none.ts',
      'docs/b.md:1: there is no test/none',
      'docs/b.md:2: there is no none.ts',
    ],
  },
  {
    says: 'what is run with npm is a script',
    rule: rules.namedScriptsExist,
    bad: [page('docs/a.md', 'npm run demo -- --agents 5\nnpm run dance\n')],
    found: ['docs/a.md:2: npm run dance is no script'],
  },
  {
    says: 'settings are those of the configuration',
    rule: rules.namedSettingsExist,
    bad: [
      page('docs/a.md', '`http.hosts` TIDEMARK_PORT TIDEMARK_CLICKHOUSE_READER_*\n`http.ghosts` `TIDEMARK_PORTS`\n'),
    ],
    found: ['docs/a.md:2: TIDEMARK_PORTS is no setting', 'docs/a.md:2: http.ghosts is no setting'],
  },
  {
    says: 'metrics are declared',
    rule: rules.namedMetricsExist,
    bad: [
      page(
        'docs/a.md',
        '`tidemark_events_total` `tidemark_exports_*` `collector:tidemark_x:rate5m`\n`tidemark_none_total`\n',
      ),
    ],
    found: ['docs/a.md:2: tidemark_none_total is no metric'],
  },
  {
    says: 'every page is reached from the README',
    rule: rules.pagesReached,
    bad: [page('README.md', '[a](docs/a.md)'), page('docs/a.md', ''), page('docs/b.md', '')],
    found: ['docs/b.md:1: no page leads here'],
  },
];

describe.each(cases)('$says', ({ rule, bad, found }) => {
  test('in this project', () => {
    expect(rule(pages, named)).toEqual([]);
  });

  test('and a page that breaks it is found', () => {
    const paths = new Set([...named.paths, ...bad.map(({ path }) => path)]);
    const findings = rule(bad, { ...named, paths });
    expect(findings).toEqual(found.map((start) => expect.stringContaining(start)));
    for (const each of findings) expect(each).toMatch(/^[\w./-]+:\d+: .+, use .+ instead$/);
  });
});

test('the README is read in one go: at most 300 lines', () => {
  const lines = readFileSync(packageFile('README.md'), 'utf8').split('\n').length;
  expect(lines).toBeLessThanOrEqual(300);
});

test('the page of the house has at least ten tasks with the files to open', () => {
  const text = readFileSync(packageFile('docs/architecture.md'), 'utf8');
  const rows = [
    ...(text.split('## To change X, open Y')[1] ?? '').matchAll(/^\| (?!to change|---)[^|]+\|([^|]+)\|$/gm),
  ];
  expect(rows.length).toBeGreaterThanOrEqual(10);
  for (const [row, opened = ''] of rows) expect(opened, row).toMatch(/`(src|test|bench|clickhouse|\.ci)\//);
});
