import { spawn } from 'node:child_process';
import {
  cpSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { freePort } from '../../bench/free-port.js';
import { packageFile } from '../../src/core/package-root.js';
import { CollectorProcess, testKey } from '../support/collector-process.js';

/** The tarball that `npm pack` makes, in an empty project, on every Node that is supported. */

const majors = [20, 22, 24, 26] as const;
const minutes = 60_000;

let scratch = '';
let tarball = '';

beforeAll(async () => {
  scratch = mkdtempSync(join(tmpdir(), 'tidemark-packed-'));
  tarball = await pack(scratch);
}, 3 * minutes);

afterAll(() => rmSync(scratch, { recursive: true, force: true }));

interface Ended {
  readonly code: number | null;
  /** Both streams. */
  readonly output: string;
}

/** As somebody at a shell would run it, with `directory` first on the PATH. */
function shell(
  [program = '', ...words]: readonly string[],
  at: { readonly cwd: string; readonly path?: string; readonly env?: Readonly<Record<string, string>> },
) {
  const path = process.env.PATH ?? '';
  const child = spawn(program, words, {
    cwd: at.cwd,
    // What says how the network is reached is in the environment.
    env: { ...process.env, PATH: at.path === undefined ? path : `${at.path}${delimiter}${path}`, ...at.env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const said = { output: '' };
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (text: string) => {
      said.output += text;
    });
  }
  const ended = new Promise<Ended>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (code) => resolve({ code, output: said.output }));
  });
  return { child, said, ended };
}

async function succeed(words: readonly string[], at: Parameters<typeof shell>[1]): Promise<string> {
  const { code, output } = await shell(words, at).ended;
  expect(code, `${words.join(' ')}\n${output}`).toBe(0);
  return output;
}

/** Of a copy of what the repository holds, so that the build in use stays as it is. */
async function pack(into: string): Promise<string> {
  const root = fileURLToPath(packageFile(''));
  const copy = join(into, 'repository');
  mkdirSync(copy);
  const left = new Set(['node_modules', 'dist', '.git', 'tidemark-data', 'coverage']);
  for (const name of readdirSync(root).filter((entry) => !left.has(entry))) {
    cpSync(join(root, name), join(copy, name), { recursive: true });
  }
  symlinkSync(join(root, 'node_modules'), join(copy, 'node_modules'));
  await succeed(['npm', 'pack', '--pack-destination', into], { cwd: copy });
  return join(into, readdirSync(into).find((name) => name.endsWith('.tgz'))!);
}

/** The directory of a `node` of this major version: this process's own, or the one that npm has. */
async function nodeOf(major: number): Promise<string> {
  if (process.version.startsWith(`v${major}.`)) return dirname(process.execPath);
  const prefix = join(scratch, `node-${major}`);
  mkdirSync(prefix);
  await succeed(['npm', 'install', '--no-audit', '--no-fund', '--prefix', prefix, `node@${major}`], { cwd: scratch });
  return join(prefix, 'node_modules', 'node', 'bin');
}

/** Sends through the package's SDK, and says how many were acknowledged and which files it loaded. */
const sender = `
import * as modules from 'node:module';
const loaded = [];
modules.registerHooks?.({ load: (url, context, next) => { loaded.push(url); return next(url, context); } });
const { createTidemarkClient } = await import('tidemark/sdk');
// Adapters come without the framework that each is for.
const adapters = ['ai-sdk', 'claude-agent', 'langchain', 'mastra', 'openai-agents'];
for (const name of adapters) await import('tidemark/sdk/' + name);
const client = createTidemarkClient({ url: process.env.URL, key: process.env.KEY, producer: 'packed' });
const sent = Array.from({ length: 100 }, (_, at) =>
  client.send({ type: 'task.completed', agent_id: 'packed', task_id: 'task-' + at, duration_ms: at }),
);
await Promise.all(sent);
await client.close();
console.log(JSON.stringify({ acknowledged: client.stats().eventsAcknowledged, loaded }));
`;

/** The first event as the documentation has it. */
function firstRun(): string {
  const page = readFileSync(packageFile('docs/sdk.md'), 'utf8');
  return /<!-- example: first-run.mjs -->\n```js\n([\s\S]*?)```/.exec(page)?.[1] ?? '';
}

/** A file of another program than the SDK: of the package itself, or of a package that only the collector uses. */
function isOfServer(file: string): boolean {
  const own = /\/node_modules\/tidemark\/dist\/src\/(.*)/.exec(file)?.[1];
  if (own !== undefined) return !/^(sdk|core)\//.test(own);
  return /\/node_modules\/(?!ws\/|msgpackr|bufferutil\/|node-gyp-build|detect-libc\/)/.test(file);
}

test('the tarball holds what is run and read, and nothing of tests, benchmarks or sources', async () => {
  const names = (await succeed(['tar', 'tzf', tarball], { cwd: scratch })).trim().split('\n');
  const folders = new Set(
    names.map((name) =>
      name
        .split('/')
        .slice(1, name.includes('dist/') ? 3 : 2)
        .join('/'),
    ),
  );
  expect([...folders].sort()).toEqual(
    [
      '.env.example',
      'LICENSE',
      'README.md',
      'clickhouse',
      'dist/src',
      'dist/ui',
      'dist/workers',
      'docs',
      'package.json',
    ].sort(),
  );
  expect(names.filter((name) => /\.(map|tsbuildinfo|test\.js)$|(?<!\.d)\.ts$/.test(name))).toEqual([]);
  expect(statSync(tarball).size).toBeLessThan(2_000_000);
});

describe.each(majors)('on Node %i', (major) => {
  test('it installs, starts, takes the demo with every count equal, serves the SDK, and stops as asked', {
    timeout: 5 * minutes,
  }, async () => {
    const path = await nodeOf(major);
    const project = join(scratch, `project-${major}`);
    mkdirSync(project);
    writeFileSync(join(project, 'package.json'), '{ "private": true, "type": "module" }');
    const at = { cwd: project, path };
    expect(await succeed(['node', '--version'], at)).toContain(`v${major}.`);
    await succeed(['npm', 'install', '--no-audit', '--no-fund', '--prefer-offline', tarball], at);

    const env = {
      TIDEMARK_PORT: String(await freePort()),
      TIDEMARK_CLICKHOUSE_PORT: String(await freePort()),
      TIDEMARK_DATA_DIR: join(project, 'data'),
    };
    const collector = shell(['node', 'node_modules/tidemark/dist/src/cli/tidemark.js'], { ...at, env });
    try {
      await expect.poll(() => collector.said.output).toContain('is listening on');
      await expect.poll(() => collector.said.output).toMatch(/WebSockets are served by (ws|uWebSockets|@)/);
      const demo = await succeed(['npx', 'tidemark', 'demo', '--agents', '5', '--rate', '1000', '--seconds', '2'], {
        ...at,
        env,
      });
      expect(demo).toContain('nothing was lost, nothing was counted twice');

      const key = /Admin key of tenant default, shown once: (\S+)/.exec(collector.said.output)?.[1] ?? '';
      const url = `http://127.0.0.1:${env.TIDEMARK_PORT}`;
      expect(collector.said.output).toContain(`Open in a browser: ${url}/#key=${key}`);
      const page = await fetch(url, { headers: { accept: 'text/html' } });
      expect(await page.text()).toContain('<div id="root">');

      writeFileSync(join(project, 'send.js'), sender);
      const sent = JSON.parse(await succeed(['node', 'send.js'], { ...at, env: { URL: url, KEY: key } })) as {
        readonly acknowledged: number;
        readonly loaded: readonly string[];
      };
      expect(sent.acknowledged).toBe(100);
      expect(sent.loaded.filter(isOfServer)).toEqual([]);
      writeFileSync(join(project, 'first-run.mjs'), firstRun());
      const told = await succeed(['node', 'first-run.mjs'], { ...at, env: { TIDEMARK_URL: url, TIDEMARK_KEY: key } });
      expect(told).toBe('{ acked: 3, pending: 0, rejected: 0, dropped: 0 }\n');
    } finally {
      collector.child.kill('SIGTERM');
    }
    const { code, output } = await collector.ended;
    expect(code, output).toBe(0);
    rmSync(project, { recursive: true, force: true });
  });
});

/** As npm has them, the binary in an optional dependency. */
const runtimes = { deno: ['deno@2.9.6', 'run', '--allow-all'], bun: ['bun@1.4.5', 'run'] } as const;

test.each(Object.entries(runtimes))(
  'the first event of the documentation is told from %s (skipped where npm has none)',
  {
    timeout: 3 * minutes,
  },
  async (name, [packaged, ...words]) => {
    const project = join(scratch, name);
    mkdirSync(project);
    writeFileSync(join(project, 'package.json'), '{ "private": true, "type": "module" }');
    const install = ['npm', 'install', '--no-audit', '--no-fund', '--prefer-offline'];
    const at = { cwd: project };
    await succeed([...install, tarball], at);
    const had = await shell([...install, packaged], at).ended;
    const program = join(project, 'node_modules', '.bin', name);
    if (had.code !== 0 || (await shell([program, '--version'], at).ended).code !== 0) {
      process.stdout.write(`not tried from ${name}: ${had.output}\n`);
      return;
    }
    const collector = new CollectorProcess({ dataDir: join(project, 'data') });
    try {
      await collector.start();
      writeFileSync(join(project, 'first-run.mjs'), firstRun());
      const env = { TIDEMARK_URL: collector.url, TIDEMARK_KEY: testKey };
      const told = await succeed([program, ...words, 'first-run.mjs'], { ...at, env });
      expect(told.replace(/\s+/g, ' ')).toMatch(/\{ acked: 3, pending: 0, rejected: 0, dropped: 0,? \}/);
      await expect
        .poll(() => collector.query("SELECT name FROM tidemark.agent_runs WHERE agent_id = 'first'"))
        .toEqual([{ name: 'hello' }]);
    } finally {
      await collector.stop();
    }
  },
);

const typedProgram = `import { createTidemarkClient, tidemark, type TidemarkEvent } from 'tidemark/sdk';
import { TidemarkTelemetry } from 'tidemark/sdk/ai-sdk';
import { observeQuery } from 'tidemark/sdk/claude-agent';
import { TidemarkCallback } from 'tidemark/sdk/langchain';
import { TidemarkExporter } from 'tidemark/sdk/mastra';
import { TidemarkProcessor } from 'tidemark/sdk/openai-agents';
const tm = tidemark({ agent: 'typed', overflow: 'block' });
const adapters = [TidemarkTelemetry, TidemarkCallback, TidemarkExporter, TidemarkProcessor];
export const made = adapters.map((Adapter) => new Adapter(tm));
export { observeQuery };
const found: Promise<number> = tm.run('r', async (run) => {
  run.label('team', 'a');
  tm.memory.stored();
  return tm.tool('search', { args: { q: 'x' } }, () => 'hit').length;
});
const search = tm.observe(async (query: string) => query.length, { kind: 'retrieval' });
await using task = tm.task('by hand');
task.usage({ in: (await search('x')) + (await found) });
// @ts-expect-error there is no parameter for a prompt
tm.llm('chat', { prompt: 'x' }, () => 1);
const client = createTidemarkClient({ url: 'http://127.0.0.1:7077', key: 'key', producer: 'typed' });
const event: TidemarkEvent = { type: 'task.completed', agent_id: 'a', task_id: 't', duration_ms: 1 };
await client.send(event);
// @ts-expect-error a type that is none
await client.send({ type: 'task.done', agent_id: 'a' });
`;

test.each([
  ['node16', 'node16'],
  ['nodenext', 'nodenext'],
  ['esnext', 'bundler'],
])(
  'a program in TypeScript has types, modules %s and resolution %s, with everything checked',
  async (module, resolution) => {
    const project = join(scratch, `typed-${module}`);
    mkdirSync(join(project, 'node_modules', 'tidemark'), { recursive: true });
    await succeed(['tar', 'xzf', tarball, '--strip-components=1', '-C', 'node_modules/tidemark'], { cwd: project });
    const modules = fileURLToPath(packageFile('node_modules'));
    for (const name of ['@types', 'zod', 'msgpackr', 'ws'])
      symlinkSync(join(modules, name), join(project, 'node_modules', name));
    writeFileSync(join(project, 'package.json'), '{ "private": true, "type": "module" }');
    writeFileSync(join(project, 'send.ts'), typedProgram);
    const flags = ['--noEmit', '--strict', '--target', 'es2022', '--lib', 'es2022,dom', '--module', module];
    const compiler = [process.execPath, join(modules, 'typescript', 'bin', 'tsc')];
    await succeed([...compiler, ...flags, '--moduleResolution', resolution, 'send.ts'], { cwd: project });
  },
);
