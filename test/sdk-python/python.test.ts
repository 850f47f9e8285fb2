import { spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { homedir, tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, describe, expect, test } from 'vitest';
import { packageRoot } from '../../src/core/package-root.js';
import { layStore } from '../support/store-template.js';

/** The Python SDK by its own tools: pytest and mypy on one Python, its wheel in an empty environment on each. */

const root = fileURLToPath(packageRoot);
const versions = ['3.10', '3.11', '3.12', '3.13'] as const;
const minutes = 60_000;
const scratch = mkdtempSync(join(tmpdir(), 'tidemark-python-'));
/** The files of a store with its tables, of which each collector of the tests in Python begins with a copy. */
const store = join(scratch, 'store');

afterAll(() => rmSync(scratch, { recursive: true, force: true }));

async function run(
  words: readonly string[],
  cwd = scratch,
): Promise<{ readonly code: number; readonly output: string }> {
  const [program = '', ...rest] = words;
  // What somebody has set for agents of their own is not for the tests.
  const unset = { TIDEMARK_URL: '', TIDEMARK_KEY: '', TIDEMARK_AGENT: '', TIDEMARK_ENVIRONMENT: '' };
  const told = { TIDEMARK_TEST_ROOT: root, TIDEMARK_TEST_STORE: store, PIP_DISABLE_PIP_VERSION_CHECK: '1' };
  const environment = { ...process.env, ...unset, ...told };
  const child = spawn(program, rest, { cwd, env: environment, stdio: ['ignore', 'pipe', 'pipe'] });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (text: string) => {
      output += text;
    });
  }
  return await new Promise((resolve) => {
    child.once('error', (error) => resolve({ code: -1, output: error.message }));
    child.once('close', (code) => resolve({ code: code ?? -1, output }));
  });
}

async function succeed(words: readonly string[], cwd?: string): Promise<string> {
  const { code, output } = await run(words, cwd);
  expect(code, `${words.join(' ')}\n${output}`).toBe(0);
  return output;
}

/** On the PATH or installed by pyenv; null where it is not here, or cannot make environments. */
async function pythonOf(version: string): Promise<string | null> {
  const pyenv = join(homedir(), '.pyenv/versions');
  const installed = existsSync(pyenv) ? readdirSync(pyenv).filter((name) => name.startsWith(`${version}.`)) : [];
  const candidates = [...installed.map((name) => join(pyenv, name, 'bin/python')), `python${version}`, 'python3'];
  for (const python of candidates) {
    const asked = 'import sys, venv, ensurepip; print("%d.%d" % sys.version_info[:2])';
    const { code, output } = await run([python, '-c', asked]);
    if (code === 0 && output.trim() === version) return python;
  }
  return null;
}

/** Empty, and without pip where uv is there to install into it. */
async function environment(python: string, name: string): Promise<string> {
  const own = await uv();
  const maker = own === null ? [python, '-m', 'venv'] : [own, 'venv', '--quiet', '--python', python];
  await succeed([...maker, join(scratch, name)]);
  return join(scratch, name, 'bin/python');
}

/** The words of an installation into `python`: by uv, in a tenth of the time of pip, or by pip where no uv is. */
async function installer(python: string): Promise<readonly string[]> {
  const own = await uv();
  if (own === null) return [python, '-m', 'pip', 'install', '--quiet'];
  return [own, 'pip', 'install', '--quiet', '--cache-dir', join(scratch, 'uv-cache'), '--python', python];
}

let uvFound: Promise<string | null> | null = null;

function uv(): Promise<string | null> {
  uvFound ??= (async () => {
    await succeed([first ?? '', '-m', 'venv', join(scratch, 'uv')]);
    const { code } = await run([join(scratch, 'uv/bin/python'), '-m', 'pip', 'install', '--quiet', `uv==${uvVersion}`]);
    return code === 0 ? join(scratch, 'uv/bin/uv') : null;
  })();
  return uvFound;
}

const uvVersion = '0.13.9';
/** What `timeout` says of a program that it ended. */
const endedByTimeout = 124;
const pythons = new Map<string, string>();
for (const version of versions) {
  const python = await pythonOf(version);
  if (python !== null) pythons.set(version, python);
}
const first = pythons.get('3.11') ?? [...pythons.values()][0];
/** What pytest may skip of the SDK's tests: what is tried in the next test, what this machine or version has not. */
const passedOver = new Set([
  'crewai is not here',
  'there is no openssl to make certificates',
  'counts descriptors in /proc',
  ...(first === pythons.get('3.10') ? ['pydantic-ai is not here'] : []),
]);

describe.skipIf(first === undefined)('the Python SDK (skipped where no Python 3.10 to 3.13 with venv is here)', () => {
  test('passes its tests and the strict types, and makes a wheel', { timeout: 14 * minutes }, async () => {
    const python = await environment(first ?? '', 'tests');
    const sdk = join(root, 'src/sdk-python');
    await succeed([...(await installer(python)), 'build', `${sdk}[test]`]);
    const types = ['-m', 'mypy', '--strict', '--cache-dir', join(scratch, 'mypy'), 'tidemark', 'examples'];
    // The tests wait more than they work: three at a time, whoever is free takes the next.
    const atOnce = ['-n', '3', '--dist', 'worksteal'];
    const pytest = ['-m', 'pytest', '-q', '-rs', '-p', 'no:cacheprovider', ...atOnce, join(root, 'test/sdk-python')];
    await layStore(store);
    const [output] = await Promise.all([
      succeed([python, '-B', ...pytest]),
      succeed([python, ...types], sdk),
      succeed([python, '-m', 'build', '--wheel', '--outdir', join(scratch, 'wheel'), sdk]),
    ]);
    // A framework that is installed and cannot be imported would be passed over as one that is not here.
    const skipped = [...output.matchAll(/^SKIPPED .*: (.*)$/gm)].map(([, reason]) => reason);
    expect(skipped.filter((reason) => !passedOver.has(reason ?? ''))).toEqual([]);
  });

  test('passes its tests with CrewAI (skipped where that cannot be installed)', {
    timeout: 16 * minutes,
  }, async (context) => {
    // Of its own: it brings about a gigabyte, and pins what other packages want newer.
    const python = await environment(first ?? '', 'crewai');
    const sdk = join(root, 'src/sdk-python');
    const limit = ['timeout', '360'];
    // Only what is not ours is passed over: an index that does not have it or does not answer, and a slow one.
    const wheel = join(scratch, 'crewai-wheel');
    const crewai = /crewai>=[\d.]+/.exec(readFileSync(join(sdk, 'pyproject.toml'), 'utf8'))![0];
    const download = [
      join(scratch, 'uv/bin/python'),
      '-m',
      'pip',
      'download',
      '--quiet',
      '--no-deps',
      '--dest',
      wheel,
      crewai,
    ];
    const found = await run([...limit, ...download]);
    if (found.code !== 0) context.skip(`CrewAI is not to be had: ${found.output.slice(-300)}`);
    const installed = await run([...limit, ...(await installer(python)), `${sdk}[test-crewai]`]);
    if (installed.code === endedByTimeout) context.skip('CrewAI is not installed within six minutes');
    expect(installed.code, installed.output).toBe(0);
    const file = join(root, 'test/sdk-python/test_crewai.py');
    const pytest = ['-m', 'pytest', '-q', '-rs', '-p', 'no:cacheprovider', '-W', 'ignore', file];
    expect(await succeed([...limit, python, '-B', ...pytest])).not.toMatch(/^SKIPPED/m);
    rmSync(join(scratch, 'crewai'), { recursive: true, force: true });
  });

  for (const version of versions) {
    const python = pythons.get(version);
    test.skipIf(python === undefined)(
      `its wheel runs in an empty environment on Python ${version} (skipped where that is not here)`,
      { timeout: 4 * minutes },
      async () => {
        const [wheel = ''] = readdirSync(join(scratch, 'wheel'));
        const empty = await environment(python ?? '', `empty-${version}`);
        await succeed([...(await installer(empty)), join(scratch, 'wheel', wheel)]);
        const lines = 'import tidemark as tm\nwith tm.run("nightly") as run:\n    tm.label("k", "v")\nprint(run.id)';
        expect(await succeed([empty, '-c', lines])).toMatch(/^[0-9a-f]{32}\n$/);
      },
    );
  }
});
