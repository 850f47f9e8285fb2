import { moduleOf, type SourceFile, type TextFile, targetOf } from './source-file.js';

/** `path:line: what, use X instead` for each breach. */
export type Rule = (files: readonly SourceFile[]) => string[];

function finding(file: TextFile, offset: number, what: string): string {
  return `${file.path}:${file.text.slice(0, offset).split('\n').length}: ${what}`;
}

function perFile(inScope: (path: string) => boolean, check: (file: SourceFile, report: Report) => void): Rule {
  return (files) => {
    const findings: string[] = [];
    for (const file of files.filter(({ path }) => inScope(path))) {
      check(file, (offset, what) => findings.push(finding(file, offset, what)));
    }
    return findings;
  };
}
type Report = (offset: number, what: string) => void;

/** A program of its own, which runs in a browser: it knows the types of our answers, and nothing else of ours. */
const isPage = (path: string): boolean => path.startsWith('src/ui/');
const isShipped = (path: string): boolean => /^(src|workers)\//.test(path);
const isEdge = (path: string): boolean =>
  /^src\/(main\.ts|cli\/[^/]+|clickhouse\/embedded\/(process\/engine-main|sandbox\/launcher-main)\.ts)$/.test(path);

/** What a folder of `src` may import beside itself and core; the files of `src` itself and the CLI join all. */
const mayImport: Readonly<Record<string, readonly string[]>> = {
  api: ['clickhouse/queries'],
  workers: ['decode'],
};

export const importMatrix: Rule = perFile(isShipped, (file, report) => {
  const from = stageOf(file.path);
  if (from === '') return;
  for (const { specifier, offset } of file.imports) {
    const target = targetOf(file, specifier);
    if (target === null) continue;
    const to = stageOf(target);
    const allowed = from === 'core' || from === 'ui' ? [] : ['core', ...(mayImport[from] ?? [])];
    if (from === 'ui' && target === 'src/sdk/api-types.ts') continue;
    // The command that starts a collector is the one that may know how it is put together.
    if (file.path === 'src/cli/serve.ts' && target === 'src/collector.ts') continue;
    if (from === 'cli' ? to !== '' : to === from || allowed.some((folder) => target.startsWith(`src/${folder}/`)))
      continue;
    report(offset, `${from} imports ${target}, use a type or port of src/core joined in src/collector.ts instead`);
  }
});

/**
 * What the rooms of the API and of its queries may import beside themselves and core. A resource (any room not named
 * here) has the shared rooms, its own queries, and those of work, which runs and tasks have in common.
 */
const sharedRooms: Readonly<Record<string, readonly string[]>> = {
  'api/answers': ['queries/sql'],
  'api/request': ['api/answers', 'queries/sql'],
  'api/sharing': ['api/request'],
  'api/statistics': [],
  'api/openapi': ['api/answers', 'api/request'],
  'api/work': ['api/answers', 'api/request', 'queries/work', 'queries/sql'],
  'queries/sql': [],
  'queries/work': ['queries/sql'],
};

export const roomMatrix: Rule = perFile(isShipped, (file, report) => {
  const from = roomOf(file.path);
  if (from === null || from === 'api') return;
  for (const { specifier, offset } of file.imports) {
    const to = roomOf(targetOf(file, specifier) ?? '');
    if (to === null || to === from || roomsOf(from).includes(to)) continue;
    report(offset, `${from} imports ${to}, use a shared room (answers, request, statistics, work, sql) instead`);
  }
});

function roomsOf(from: string): readonly string[] {
  const shared = sharedRooms[from];
  if (shared !== undefined) return shared;
  const queries = ['queries/sql', 'queries/work'];
  if (from.startsWith('queries/')) return queries;
  return ['api/answers', 'api/request', 'api/statistics', 'api/work', from.replace('api', 'queries'), ...queries];
}

/** `api/runs`, `queries/runs`, `api` for the file that lists the routes; null outside of the two. */
function roomOf(path: string): string | null {
  const [, house, room] = /^src\/(api|clickhouse\/queries)\/(?:([^/]+)\/)?[^/]+\.ts$/.exec(path) ?? [];
  if (house === undefined) return null;
  return [house.replace('clickhouse/', ''), room].filter((part) => part !== undefined).join('/');
}

/** `http` for `src/http/router.ts`, `workers` for a worker, empty for a file that joins the stages. */
function stageOf(path: string): string {
  return path.startsWith('workers/') ? 'workers' : (/^src\/([^/]+)\//.exec(path)?.[1] ?? '');
}

export const onePackageImporter: Rule = (files) => {
  const importers = new Map<string, Map<string, string>>();
  for (const file of files.filter(({ path }) => path.startsWith('src/'))) {
    for (const { specifier, offset, typeOnly } of file.imports) {
      const name = /^(@[^/]+\/[^/]+|[^./@][^/]*)/.exec(specifier)?.[1];
      if (name === undefined || name === 'zod' || specifier.startsWith('node:') || (name === 'pino' && typeOnly))
        continue;
      if (isPage(file.path)) continue;
      // The SDK is a program of its own: what it is made with is its choice.
      const program = file.path.startsWith('src/sdk/') ? `${name} in the SDK` : name;
      const places = importers.get(program) ?? new Map<string, string>();
      importers.set(program, places.set(file.path, finding(file, offset, `imports ${name}`)));
    }
  }
  return [...importers].flatMap(([name, places]) =>
    places.size < 2 ? [] : [...places.values()].map((place) => `${place}, use one file that wraps ${name} instead`),
  );
};

/** The SDK is configured by the environment of its host, and has to hear of its end. */
const isEdgeOfHost = (path: string): boolean => path === 'src/sdk/record/node.ts';

export const processEdge: Rule = perFile(
  (path) => isShipped(path) && !isEdge(path) && !isEdgeOfHost(path),
  (file, report) => {
    const instead = 'use an argument from src/main.ts or src/cli instead';
    for (const { specifier, offset } of file.imports) {
      if (/^(node:)?process$/.test(specifier)) report(offset, `imports ${specifier}, ${instead}`);
    }
    file.visit({
      MemberExpression(node) {
        const match = /^(globalThis\.)?process\.(env|exit|exitCode|abort)$/.exec(textOf(file, node));
        if (match) report(node.start, `${match[0]}, ${instead}`);
      },
      VariableDeclarator(node) {
        const isProcess = node.init?.type === 'Identifier' && node.init.name === 'process';
        if (isProcess && !/^\{(?!.*\b(env|exit|exitCode|abort)\b)/s.test(textOf(file, node.id)))
          report(node.start, `process, ${instead}`);
      },
      CallExpression(node) {
        const match = /^process\.(on|once)\('SIG[A-Z]+'/.exec(textOf(file, node));
        if (match) report(node.start, `a signal handler, ${instead}`);
      },
    });
  },
);

export const clockOnly: Rule = perFile(
  (path) => isShipped(path) && !isPage(path) && path !== 'src/core/clock.ts',
  (file, report) => {
    const instead = 'use an injected Clock or Random of src/core/clock.ts instead';
    for (const { specifier, offset } of file.imports) {
      if (/^(node:)?timers/.test(specifier)) report(offset, `imports ${specifier}, ${instead}`);
    }
    file.visit({
      MemberExpression(node) {
        const match = /^(Date\.now|Math\.random|performance\.(now|timeOrigin)|process\.hrtime)$/.exec(
          textOf(file, node),
        );
        if (match) report(node.start, `${match[0]}, ${instead}`);
      },
      CallExpression(node) {
        const match = /^(setTimeout|setInterval)\(/.exec(textOf(file, node));
        if (match) report(node.start, `${match[1]}, ${instead}`);
      },
      NewExpression(node) {
        if (textOf(file, node.callee) === 'Date' && node.arguments.length === 0)
          report(node.start, `new Date(), ${instead}`);
      },
    });
  },
);

export const noConsole: Rule = perFile(
  () => true,
  (file, report) =>
    file.visit({
      MemberExpression(node) {
        if (textOf(file, node.object) === 'console') report(node.start, 'console, use the injected Logger instead');
      },
    }),
);

export const noAny: Rule = perFile(
  () => true,
  (file, report) =>
    file.visit({ TSAnyKeyword: (node) => report(node.start, 'any, use unknown or a real type instead') }),
);

/** V8 of Node 20 can end the process while it compiles a loop over what these answer (`RepresentationChangerError`). */
export const noCutBigInts: Rule = perFile(
  (path) => path.startsWith('src/') || path.startsWith('workers/'),
  (file, report) =>
    file.visit({
      MemberExpression(node) {
        const name = textOf(file, node);
        if (/^BigInt\.as(Ui|I)ntN$/.test(name)) report(node.start, `${name}, use two numbers of 32 bits instead`);
      },
    }),
);

export const noDefaultExport: Rule = perFile(
  (path) => path.startsWith('src/') && !path.endsWith('.config.ts'),
  (file, report) =>
    file.visit({
      ExportDefaultDeclaration: (node) => report(node.start, 'a default export, use a named export instead'),
    }),
);

export const noLeftovers: Rule = perFile(
  () => true,
  (file, report) => {
    for (const { value, start } of file.comments) {
      const word = /\b(TODO|FIXME|XXX)\b/.exec(value)?.[1];
      if (word !== undefined) report(start, `${word}, use an issue, or do it, instead`);
    }
  },
);

export const sizes: Rule = perFile(
  () => true,
  (file, report) => {
    const lines = file.text.replace(/\n$/, '').split('\n');
    // A specification in a comment is not counted, nor is an import of one line.
    const code = lines.filter((line) => !/^\s*(\/\/|\/\*|\*)|^import .*;$/.test(line)).length;
    if (code > 400) report(0, `${code} lines of code, use two files of at most 400 with a noun each instead`);
    let offset = 0;
    for (const line of lines) {
      const width = [...line].length;
      if (width > 120) report(offset, `a line of ${width} characters, use at most 120 instead`);
      offset += line.length + 1;
    }
    const measure = (node: { readonly start: number; readonly end: number }): void => {
      const length = textOf(file, node).split('\n').length;
      if (length > 70)
        report(node.start, `a function of ${length} lines, use parts of at most 70 with a verb each instead`);
    };
    file.visit({ FunctionDeclaration: measure, FunctionExpression: measure, ArrowFunctionExpression: measure });
  },
);

export const namedAsNouns: Rule = perFile(
  () => true,
  (file, report) => {
    const name = file.path.slice(file.path.lastIndexOf('/') + 1);
    if (!/^[a-z0-9]+(-[a-z0-9]+)*(\.test|\.config|\.d)?\.tsx?$/.test(name))
      report(0, `${name}, use kebab-case instead`);
    if (/(^|-)(utils?|helpers?|common|managers?|misc)\b/.test(name))
      report(0, `${name}, use the noun of its export instead`);
  },
);

/** Entry points: `src/main.ts`, the engine's process, the SDK, the pages, the workers, what `commands` run. */
export const allReachable =
  (commands: string): Rule =>
  (files) => {
    const isEntry = (path: string): boolean =>
      path.startsWith('workers/') ||
      ['src/sdk/browser.ts', 'src/sdk/index.ts', 'src/ui/main.ts', 'src/ui/vite.config.ts'].includes(path) ||
      (path.startsWith('src/sdk/adapters/') && commands.includes(path.replace(/\.ts$/, '.js'))) ||
      (isEdge(path) && (!path.startsWith('src/cli/') || commands.includes(path.replace(/\.ts$/, '.js'))));
    const shipped = new Map(files.filter(({ path }) => isShipped(path)).map((file) => [moduleOf(file.path), file]));
    const reached = new Set<string>();
    const waiting = [...shipped.keys()].filter(isEntry);
    for (let path = waiting.pop(); path !== undefined; path = waiting.pop()) {
      const file = shipped.get(path);
      if (file === undefined || reached.has(path)) continue;
      reached.add(path);
      waiting.push(...file.imports.flatMap(({ specifier }) => targetOf(file, specifier) ?? []));
    }
    return [...shipped.keys()]
      .filter((path) => !reached.has(path))
      .map((path) => `${path}:1: no entry point reaches this file, use it or delete it instead`);
  };

/** Of files that import each other in a circle, types included: none can be read, or moved, without the others. */
export const noCircles: Rule = (files) => {
  const byPath = new Map(files.map((file) => [moduleOf(file.path), file]));
  const done = new Set<string>();
  const findings: string[] = [];
  const walk = (file: SourceFile, way: readonly SourceFile[]): void => {
    if (done.has(file.path)) return;
    for (const { specifier, offset } of file.imports) {
      const next = byPath.get(targetOf(file, specifier) ?? '');
      if (next === undefined) continue;
      const begin = [...way, file].indexOf(next);
      if (begin < 0) walk(next, [...way, file]);
      else {
        const circle = [...way, file].slice(begin).map(({ path }) => path);
        const what = `closes a circle of imports, ${[...circle, next.path].join(' -> ')}`;
        findings.push(finding(file, offset, `${what}, use a third file for what both need instead`));
      }
    }
    done.add(file.path);
  };
  for (const file of files) walk(file, []);
  return findings;
};

function textOf(file: TextFile, node: { readonly start: number; readonly end: number }): string {
  return file.text.slice(node.start, node.end);
}

/** `clickhouse/migrations/NNNN_*.sql`: 0001, 0002, …, one statement each, and a `-- down` section. */
export function migrationsDense(files: readonly TextFile[]): string[] {
  const migrations = files.filter(({ path }) => /^clickhouse\/migrations\/[^/]+\.sql$/.test(path));
  return migrations
    .sort((a, b) => (a.path < b.path ? -1 : 1))
    .flatMap((file, index) => {
      const expected = String(index + 1).padStart(4, '0');
      const name = file.path.slice('clickhouse/migrations/'.length);
      const [up = '', down] = file.text.split(/^--\s*down\b.*$/m);
      const findings: string[] = [];
      if (!new RegExp(`^${expected}_[a-z0-9_]+\\.sql$`).test(name)) {
        findings.push(finding(file, 0, `the number of ${name}, use ${expected}_<object>.sql instead`));
      }
      const statements = up.match(/^\s*(CREATE|ALTER|DROP|RENAME|INSERT|EXCHANGE)\b/gim)?.length ?? 0;
      if (statements !== 1) findings.push(finding(file, 0, `${statements} statements, use one object a file instead`));
      if (down === undefined) findings.push(finding(file, 0, 'no way back, use a "-- down" section instead'));
      return findings;
    });
}

/** Names of a generated table of a page against the names that are declared, both ways. */
export function namesDocumented(page: TextFile | undefined, section: string, declared: ReadonlySet<string>): string[] {
  const text = page?.text ?? '';
  const begin = text.indexOf(`<!-- begin:${section} -->`);
  const end = text.indexOf(`<!-- end:${section} -->`);
  if (page === undefined || begin < 0 || end < begin) {
    const path = page?.path ?? `docs/${section}.md`;
    return [`${path}:1: no section ${section} with ${[...declared].join(', ')}, use npm run reference instead`];
  }
  const rows = text.slice(begin, end).matchAll(/^\| `([^`{]+)/gm);
  const documented = new Map([...rows].map((row) => [row[1] ?? '', begin + row.index]));
  return [
    ...[...declared]
      .filter((name) => !documented.has(name))
      .map((name) => finding(page, begin, `${name} is missing in ${section}, use npm run reference instead`)),
    ...[...documented]
      .filter(([name]) => !declared.has(name))
      .map(([name, offset]) => finding(page, offset, `${name} is not declared, use npm run reference instead`)),
  ];
}

/** Paths of somebody's machine and hosts of package registries, which would tie the project to one place. */
export function portableText(files: readonly TextFile[], ownPaths: readonly string[]): string[] {
  const placeBound = [
    /(?<![\w./-])\/(root|Users\/\w+|home\/(?!node\b)\w+)\//g,
    /\b(registry\.(npmjs\.org|yarnpkg\.com)|files\.pythonhosted\.org|npm\.pkg\.github\.com|[\w.-]+\.jfrog\.io)\b/g,
    ...ownPaths.map((path) => new RegExp(path.replaceAll(/[.*+?^${}()|[\]\\]/g, '\\$&'), 'g')),
  ];
  return files.flatMap((file) =>
    placeBound.flatMap((pattern) =>
      [...file.text.matchAll(pattern)].map((match) =>
        finding(file, match.index, `${match[0]} is bound to one machine, use a relative path or a setting instead`),
      ),
    ),
  );
}
