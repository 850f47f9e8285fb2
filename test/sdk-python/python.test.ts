import { spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { homedir, tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, describe, expect, test } from 'vitest';
import { packageRoot } from '../../src/core/package-root.js';

/** The Python SDK by its own tools: pytest and mypy on one Python, its wheel in an empty environment on each. */

const root = fileURLToPath(packageRoot);
const versions = ['3.10', '3.11', '3.12', '3.13'] as const;
const minutes = 60_000;
const scratch = mkdtempSync(join(tmpdir(), 'tidemark-python-'));

afterAll(() => rmSync(scratch, { recursive: true, force: true }));

async function run(
  words: readonly string[],
  cwd = scratch,
): Promise<{ readonly code: number; readonly output: string }> {
  const [program = '', ...rest] = words;
  // What somebody has set for agents of their own is not for the tests.
  const unset = { TIDEMARK_URL: '', TIDEMARK_KEY: '', TIDEMARK_AGENT: '', TIDEMARK_ENVIRONMENT: '' };
  const environment = { ...process.env, ...unset, TIDEMARK_TEST_ROOT: root, PIP_DISABLE_PIP_VERSION_CHECK: '1' };
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

async function environment(python: string, name: string): Promise<string> {
  await succeed([python, '-m', 'venv', join(scratch, name)]);
  return join(scratch, name, 'bin/python');
}

const pythons = new Map<string, string>();
for (const version of versions) {
  const python = await pythonOf(version);
  if (python !== null) pythons.set(version, python);
}
const first = pythons.get('3.11') ?? [...pythons.values()][0];

describe.skipIf(first === undefined)('the Python SDK (skipped where no Python 3.10 to 3.13 with venv is here)', () => {
  test('passes its tests and the strict types, and makes a wheel', { timeout: 14 * minutes }, async () => {
    const python = await environment(first ?? '', 'tests');
    const sdk = join(root, 'src/sdk-python');
    await succeed([python, '-m', 'pip', 'install', '--quiet', 'build', `${sdk}[test]`]);
    await succeed(
      [python, '-m', 'mypy', '--strict', '--cache-dir', join(scratch, 'mypy'), 'tidemark', 'examples'],
      sdk,
    );
    await succeed([python, '-m', 'build', '--wheel', '--outdir', join(scratch, 'wheel'), sdk]);
    const pytest = ['-m', 'pytest', '-q', '-p', 'no:cacheprovider', join(root, 'test/sdk-python')];
    await succeed([python, '-B', ...pytest]);
  });

  test('passes its tests with CrewAI (skipped where that cannot be installed)', {
    timeout: 9 * minutes,
  }, async (context) => {
    // Of its own: it brings about a gigabyte, and pins what other packages want newer.
    const python = await environment(first ?? '', 'crewai');
    const sdk = join(root, 'src/sdk-python');
    const limit = ['timeout', '360'];
    const installed = await run([...limit, python, '-m', 'pip', 'install', '--quiet', `${sdk}[test-crewai]`]);
    if (installed.code !== 0) context.skip(`CrewAI cannot be installed: ${installed.output.slice(-300)}`);
    const file = join(root, 'test/sdk-python/test_crewai.py');
    await succeed([...limit, python, '-B', '-m', 'pytest', '-q', '-p', 'no:cacheprovider', '-W', 'ignore', file]);
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
        await succeed([empty, '-m', 'pip', 'install', '--quiet', join(scratch, 'wheel', wheel)]);
        const lines = 'import tidemark as tm\nwith tm.run("nightly") as run:\n    tm.label("k", "v")\nprint(run.id)';
        expect(await succeed([empty, '-c', lines])).toMatch(/^[0-9a-f]{32}\n$/);
      },
    );
  }
});
