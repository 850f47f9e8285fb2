import { describe, expect, test } from 'vitest';
import { errorTable } from '../src/core/errors.js';
import { metricsReference } from '../src/telemetry/metrics-reference.js';
import { parseSource, projectFiles, rootPath, type TextFile } from './support/source-file.js';
import * as rules from './support/tidy-rules.js';

/**
 * What STYLE says is kept by a test. Each rule runs on the whole project, without exceptions, and on a small
 * snippet that breaks it, because a rule that cannot fail is worth nothing.
 */
const project = projectFiles();
const sources = project
  .filter(({ path }) => /^(src|workers|bench|test)\/.*\.tsx?$/.test(path) && !path.endsWith('.d.ts'))
  .map(parseSource);

interface SourceCase {
  readonly says: string;
  readonly rule: rules.Rule;
  /** Path and text of files that break the rule. */
  readonly bad: readonly (readonly [path: string, text: string])[];
  readonly found: readonly string[];
}

const lines = (count: number): string => 'f();\n'.repeat(count);

const cases: readonly SourceCase[] = [
  {
    says: 'a stage imports core only, the API the queries, workers the decoder',
    rule: rules.importMatrix,
    bad: [
      ['src/core/clock.ts', "import { x } from '../spool/x.js';"],
      ['src/spool/a.ts', "\nimport type { X } from '../ingest/x.js';"],
      ['src/window/a.ts', "type X = import('../decode/x.js').X;"],
      ['src/api/a.ts', "export * from '../clickhouse/client.js'; export * from '../clickhouse/queries/q.js';"],
      ['workers/a.ts', "await import('../src/spool/a.js'); await import('../src/decode/a.js');"],
      ['src/sdk/a.ts', "import '../http/a.js'; import '../core/a.js'; import './b.js';"],
      ['src/ui/a.tsx', "import type { paths } from '../sdk/api-types.js'; import '../core/a.js'; import './b.js';"],
      ['src/cli/a.ts', "import '../collector.js'; import '../config/config.js';"],
      ['src/cli/serve.ts', "import '../collector.js'; import '../main.js';"],
      ['src/collector.ts', "import './spool/a.js'; import './http/b.js';"],
    ],
    found: [
      'src/core/clock.ts:1: core imports src/spool/x.ts, use',
      'src/spool/a.ts:2: spool imports src/ingest/x.ts, use',
      'src/window/a.ts:1: window imports src/decode/x.ts, use',
      'src/api/a.ts:1: api imports src/clickhouse/client.ts, use',
      'workers/a.ts:1: workers imports src/spool/a.ts, use',
      'src/sdk/a.ts:1: sdk imports src/http/a.ts, use',
      'src/ui/a.tsx:1: ui imports src/core/a.ts, use',
      'src/cli/a.ts:1: cli imports src/collector.ts, use',
      'src/cli/serve.ts:1: cli imports src/main.ts, use',
    ],
  },
  {
    says: 'a resource of the API imports shared rooms and its own queries only',
    rule: rules.roomMatrix,
    bad: [
      ['src/api/api-routes.ts', "import './runs/a.js'; import './tasks/a.js';"],
      ['src/api/runs/a.ts', "import '../tasks/a.js'; import '../work/a.js'; import '../request/a.js';"],
      [
        'src/api/runs/b.ts',
        "import '../../clickhouse/queries/runs/a.js'; import '../../clickhouse/queries/tasks/a.js';",
      ],
      ['src/api/request/a.ts', "import '../runs/a.js'; import '../answers/a.js';"],
      ['src/clickhouse/queries/runs/a.ts', "import '../sql/a.js'; import '../failures/a.js';"],
      ['src/clickhouse/queries/a.ts', "import './runs/a.js';"],
    ],
    found: [
      'src/api/runs/a.ts:1: api/runs imports api/tasks, use',
      'src/api/runs/b.ts:1: api/runs imports queries/tasks, use',
      'src/api/request/a.ts:1: api/request imports api/runs, use',
      'src/clickhouse/queries/runs/a.ts:1: queries/runs imports queries/failures, use',
      'src/clickhouse/queries/a.ts:1: queries imports queries/runs, use',
    ],
  },
  {
    says: 'a third-party package has one importing file in src, zod and logger types aside',
    rule: rules.onePackageImporter,
    bad: [
      [
        'src/a/a.ts',
        "import { pack } from 'msgpackr/pack'; import { z } from 'zod'; import type { Logger } from 'pino';",
      ],
      ['src/b/b.ts', "import { unpack } from 'msgpackr'; import { z } from 'zod'; import { pino } from 'pino';"],
      ['src/c/c.ts', "import fs from 'node:fs'; import '@clickhouse/client';"],
      ['src/d/d.ts', "import fs from 'node:fs'; import '@clickhouse/client-common';"],
    ],
    found: ['src/a/a.ts:1: imports msgpackr, use', 'src/b/b.ts:1: imports msgpackr, use'],
  },
  {
    says: 'environment, exit and signals are touched at the process edge only',
    rule: rules.processEdge,
    bad: [
      ['src/a/a.ts', "f(process.env);\nprocess.exit(1);\nprocess.on('SIGTERM', f);\nconst { env } = process;"],
      [
        'src/b/b.ts',
        "import { env } from 'node:process'; process.cpuUsage(); process.on('message', f); const { arch } = process;",
      ],
      ['src/main.ts', 'process.exit(process.env.X);'],
      ['src/cli/demo.ts', 'process.exit(process.env.X);'],
    ],
    found: [
      'src/a/a.ts:1: process.env, use',
      'src/a/a.ts:2: process.exit, use',
      'src/a/a.ts:3: a signal handler, use',
      'src/a/a.ts:4: process, use',
      'src/b/b.ts:1: imports node:process, use',
    ],
  },
  {
    says: 'time and chance come from core/clock.ts',
    rule: rules.clockOnly,
    bad: [
      ['src/a/a.ts', 'Date.now();\nMath.random();\nperformance.now();\nnew Date();\nsetTimeout(f, 1);'],
      [
        'src/b/b.ts',
        "new Date(1); performance.eventLoopUtilization(); clock.setTimer(1, f); import 'node:timers/promises';",
      ],
      ['src/core/clock.ts', 'Date.now();'],
      ['bench/a.ts', 'performance.now();'],
    ],
    found: [
      'src/a/a.ts:1: Date.now, use',
      'src/a/a.ts:2: Math.random, use',
      'src/a/a.ts:3: performance.now, use',
      'src/a/a.ts:4: new Date(), use',
      'src/a/a.ts:5: setTimeout, use',
      'src/b/b.ts:1: imports node:timers/promises, use',
    ],
  },
  {
    says: 'nothing is written to the console',
    rule: rules.noConsole,
    bad: [['src/a.ts', "// console.log\nconst text = 'console.log';\nconsole.info(text);"]],
    found: ['src/a.ts:3: console, use'],
  },
  {
    says: 'no type is any',
    rule: rules.noAny,
    bad: [['test/a.ts', "// any\nconst any = 'any';\nf(any as any);"]],
    found: ['test/a.ts:3: any, use'],
  },
  {
    says: 'no BigInt is cut to 64 bits',
    rule: rules.noCutBigInts,
    bad: [['workers/a.ts', 'const a = 2n ** 64n;\nf(BigInt.asUintN(64, a), BigInt(1));\nBigInt.asIntN(64, a);']],
    found: ['workers/a.ts:2: BigInt.asUintN, use', 'workers/a.ts:3: BigInt.asIntN, use'],
  },
  {
    says: 'nothing in src is exported as default',
    rule: rules.noDefaultExport,
    bad: [
      ['src/a/a.ts', 'export const a = 1;\nexport default a;'],
      ['workers/a.ts', 'export default f;'],
    ],
    found: ['src/a/a.ts:2: a default export, use'],
  },
  {
    says: 'no comment leaves work for later',
    rule: rules.noLeftovers,
    bad: [['src/a.ts', `f('TO${'DO'}');\n// TO${'DO'} later\n/* FIX${'ME'} */`]],
    found: [`src/a.ts:2: TO${'DO'}, use`, `src/a.ts:3: FIX${'ME'}, use`],
  },
  {
    says: 'files stay within 400 lines of code, functions within 70, lines within 120 characters',
    rule: rules.sizes,
    bad: [
      ['src/long.ts', lines(401)],
      ['src/fits.ts', `/**\n${' * Says why.\n'.repeat(200)} */\n${lines(330)}function f() {\n${lines(68)}}\n`],
      [
        'src/function.ts',
        `function f() {\n${lines(69)}}\nclass C { m() {\n${lines(69)}} }\nconst g = () => {\n${lines(69)}};`,
      ],
      ['src/wide.ts', `\n// ${'é'.repeat(118)}\n// ${'é'.repeat(117)}`],
    ],
    found: [
      'src/long.ts:1: 401 lines of code, use',
      'src/function.ts:1: a function of 71 lines, use',
      'src/function.ts:72: a function of 71 lines, use',
      'src/function.ts:143: a function of 71 lines, use',
      'src/wide.ts:2: a line of 121 characters, use',
    ],
  },
  {
    says: 'files are kebab-case nouns',
    rule: rules.namedAsNouns,
    bad: [
      ['src/a/apiKeys.ts', ''],
      ['src/a/string-utils.ts', ''],
      ['src/a/api-keys.ts', ''],
      ['test/a/api-keys.test.ts', ''],
    ],
    found: ['src/a/apiKeys.ts:1: apiKeys.ts, use', 'src/a/string-utils.ts:1: string-utils.ts, use'],
  },
  {
    says: 'every source file is reached from an entry point',
    rule: rules.allReachable(project.find(({ path }) => path === 'package.json')?.text ?? ''),
    bad: [
      ['src/main.ts', "import './a/used.js';"],
      ['src/a/used.ts', "import type { X } from './type.js';"],
      ['src/a/type.ts', ''],
      ['src/a/unused.ts', "import './also-unused.js';"],
      ['src/a/also-unused.ts', "import './unused.js';"],
      ['workers/decode-worker.ts', ''],
      ['src/cli/tidemark.ts', ''],
      ['src/cli/stray.ts', ''],
    ],
    found: [
      'src/a/unused.ts:1: no entry point',
      'src/a/also-unused.ts:1: no entry point',
      'src/cli/stray.ts:1: no entry point',
    ],
  },
  {
    says: 'no files import each other in a circle',
    rule: rules.noCircles,
    bad: [
      ['src/a/a.ts', "import type { B } from './b.js';"],
      ['src/a/b.ts', "import './c.js';\nimport './d.js';"],
      ['src/a/c.ts', "import { d } from './d.js';"],
      ['src/a/d.ts', "\nexport type A = import('./a.js').A;"],
      ['src/a/self.ts', "export * from './self.js';"],
    ],
    found: [
      'src/a/d.ts:2: closes a circle of imports, src/a/a.ts -> src/a/b.ts -> src/a/c.ts -> src/a/d.ts -> src/a/a.ts',
      'src/a/self.ts:1: closes a circle of imports, src/a/self.ts -> src/a/self.ts, use',
    ],
  },
];

describe.each(cases)('$says', ({ rule, bad, found }) => {
  test('in this project', () => {
    expect(rule(sources)).toEqual([]);
  });

  test('and a snippet that breaks it is found', () => {
    const findings = rule(bad.map(([path, text]) => parseSource({ path, text })));
    expect(findings).toEqual(found.map((start) => expect.stringContaining(start)));
    for (const each of findings) expect(each).toMatch(/^[\w./-]+:\d+: .+, use .+ instead$/);
  });
});

test('migrations are dense, one object each, with a way back', () => {
  expect(rules.migrationsDense(project)).toEqual([]);
});

test('a gap, a second object and a missing way back are found among migrations', () => {
  const migration = (name: string, text: string): TextFile => ({ path: `clickhouse/migrations/${name}`, text });
  const findings = rules.migrationsDense([
    migration('0001_raw.sql', '-- CREATE in a comment\nCREATE TABLE a (x UInt8)\n-- down\nDROP TABLE a\n'),
    migration('0003_day.sql', 'CREATE TABLE b (x UInt8);\nCREATE VIEW c AS SELECT 1;\n'),
  ]);
  expect(findings).toEqual([
    'clickhouse/migrations/0003_day.sql:1: the number of 0003_day.sql, use 0002_<object>.sql instead',
    'clickhouse/migrations/0003_day.sql:1: 2 statements, use one object a file instead',
    'clickhouse/migrations/0003_day.sql:1: no way back, use a "-- down" section instead',
  ]);
});

const pageAt = (place: string): TextFile | undefined => project.find(({ path }) => path === place);

test('every error code is in its reference and the reverse', () => {
  const declared = new Set(Object.keys(errorTable));
  expect(rules.namesDocumented(pageAt('docs/errors.md'), 'errors', declared)).toEqual([]);
});

test('every metric is in its reference and the reverse', () => {
  const declared = new Set(metricsReference.map(({ name }) => name));
  expect(rules.namesDocumented(pageAt('docs/metrics.md'), 'metrics', declared)).toEqual([]);
});

test('a name without a row, a row without a name and a missing section are found', () => {
  const text = '# T\n<!-- begin:metrics -->\n| `b_total{code}` | x |\n<!-- end:metrics -->\n';
  const declared = new Set(['a_total']);
  expect(rules.namesDocumented({ path: 'docs/a.md', text }, 'metrics', declared)).toEqual([
    'docs/a.md:2: a_total is missing in metrics, use npm run reference instead',
    'docs/a.md:3: b_total is not declared, use npm run reference instead',
  ]);
  expect(rules.namesDocumented({ path: 'docs/a.md', text }, 'errors', declared)).toHaveLength(1);
  expect(rules.namesDocumented(undefined, 'metrics', declared)).toHaveLength(1);
});

test('no tracked file names a path of one machine or the host of a registry', () => {
  const isDeepEnough = rootPath.split('/').length > 3;
  expect(rules.portableText(project, isDeepEnough ? [rootPath.replace(/\/$/, '')] : [])).toEqual([]);
});

test('a machine path and a registry host are found', () => {
  const text = `a\n/${'home'}/someone/x\nsee /srv/checkout/src\nhttps://registry.${'npmjs'}.org/x\n/home/node/app ok\n`;
  expect(rules.portableText([{ path: 'a.md', text }], ['/srv/checkout'])).toEqual([
    expect.stringMatching(/^a\.md:2: .home.someone. is bound/),
    expect.stringMatching(/^a\.md:4: /),
    expect.stringMatching(/^a\.md:3: /),
  ]);
});
