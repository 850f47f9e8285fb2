import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { commandSections } from '../../../src/cli/frame/command-table.js';
import { packageFile } from '../../../src/core/package-root.js';
import { tempDir } from '../../support/temp-dir.js';
import { program, tidemark } from '../../support/tidemark-command.js';

const all = commandSections
  .flatMap(({ entries }) => entries)
  .flatMap((entry) =>
    'commands' in entry
      ? entry.commands.map((inner) => ({ ...inner, path: [entry.name, inner.name] }))
      : [{ ...entry, path: [entry.name] }],
  );

test('help names every command, and loads none of them', async () => {
  const { code, stdout, stderr } = await tidemark(['--help'], { env: { NODE_DEBUG: 'esm' } });
  expect(code).toBe(0);
  for (const { entries } of commandSections) {
    for (const { name, summary } of entries) expect(stdout.replaceAll(/\s+/g, ' ')).toContain(` ${name} ${summary}`);
  }
  expect(stdout).toContain('exit codes:');
  const loaded = stderr.match(/dist\/src\/cli\/commands\/|node_modules\/(?!commander\b)[^/]+/g) ?? [];
  expect(loaded).toEqual([]);
});

test.each(all)('$path says what it does, by which options, and gives an example', async ({ path, load }) => {
  const command = await load();
  expect(command.about).toMatch(/^[A-Z].*[.]$/s);
  expect(command.examples.length).toBeGreaterThan(0);
  for (const { command: words, says } of command.examples) {
    expect(words).toContain(`tidemark ${path.join(' ')}`);
    expect(says).not.toBe('');
  }
  for (const [, { says }] of command.options) expect(says).toMatch(/^[a-z].*[^.]$/);
});

test('a slip of the pen is one line that names the nearest command or option', async () => {
  const misused = async (...words: string[]): Promise<string> => {
    const { code, stdout, stderr } = await tidemark(words);
    expect([code, stdout], words.join(' ')).toEqual([2, '']);
    return stderr;
  };
  expect(await misused('migrat')).toBe(
    "tidemark: unknown command 'migrat', did you mean migrate?; see tidemark --help\n",
  );
  expect(await misused('keys', 'lits')).toBe(
    "tidemark: unknown command 'lits', did you mean list?; see tidemark keys --help\n",
  );
  expect(await misused('keys', 'create', '--tenat', 'x')).toBe(
    "tidemark: unknown option '--tenat', did you mean --tenant?; see tidemark keys create --help\n",
  );
  expect(await misused('keys', 'create', '--scope', 'read')).toBe(
    'tidemark: --tenant <NAME> is missing; see tidemark keys create --help\n',
  );
  expect(await misused('migrate', '--down', 'all')).toBe(
    'tidemark: cannot use --down all: it is not a whole number from 1 to 9999; see tidemark migrate --help\n',
  );
});

test('without a command, or with options only, it is serve', async () => {
  const cwd = tempDir();
  const { code, stdout } = await tidemark(['--check-config'], { cwd, env: { TIDEMARK_PORT: '7100' } });
  expect([code, JSON.parse(stdout).port]).toEqual([0, 7100]);
  const help = await tidemark(['help', 'serve']);
  expect(help.stdout).toMatch(/^usage: tidemark serve /);
  expect((await tidemark(['serve', '--help'])).stdout).toBe(help.stdout);
  // The variables of the command line are no mistake in the environment of a collector.
  const env = { TIDEMARK_URL: 'http://127.0.0.1:1', TIDEMARK_KEY: 'x', TIDEMARK_PORT: 'x' };
  expect((await tidemark([], { cwd, env })).stderr).not.toMatch(/TIDEMARK_(URL|KEY)/);
  expect(existsSync(join(cwd, 'tidemark-data'))).toBe(false);
});

test('an output whose reader goes away ends the command without a word', async () => {
  expect(await tidemark(['--help'], { closesOutput: true })).toEqual({ code: 141, stdout: '', stderr: '' });
});

test('an output on a full disk fails the command in a line', () => {
  const full = ['-c', 'exec "$@" > /dev/full', 'sh', process.execPath, program, '--help'];
  const { status, stderr } = spawnSync('sh', full, { encoding: 'utf8' });
  expect([status, stderr]).toEqual([1, expect.stringMatching(/^tidemark: cannot write .*: ENOSPC: .*\n$/)]);
});

test('the version is that of the package', async () => {
  const { version } = JSON.parse(execFileSync('cat', [packageFile('package.json').pathname], { encoding: 'utf8' }));
  expect(await tidemark(['--version'])).toEqual({ code: 0, stdout: `${version}\n`, stderr: '' });
});

test.each(['bash', 'zsh', 'fish'])('the completion of %s asks tidemark', async (shell) => {
  const { code, stdout } = await tidemark(['completion', shell]);
  expect(code).toBe(0);
  expect(stdout).toContain('tidemark complete --');
});

test('what is offered are commands, options, values and files', async () => {
  const offered = async (...words: string[]): Promise<string[]> => {
    const { stdout } = await tidemark(['complete', '--', ...words]);
    const lines = stdout.trimEnd().split('\n');
    return lines.slice(0, -1).map((line) => line.split('\t')[0] ?? '');
  };
  expect(await offered('mig')).toEqual(['migrate']);
  expect(await offered('keys', '')).toEqual(['create', 'list', 'limit', 'rotate', 'revoke']);
  expect(await offered('keys', 'create', '--te')).toEqual(['--tenant']);
  expect(await offered('completion', '')).toEqual(['bash', 'zsh', 'fish']);
  expect((await tidemark(['complete', '--', 'keys', 'list', '--config', ''])).stdout).toBe(':0\n');
});

test('bash completes with the script it is given, and runs nothing of the line it completes', async () => {
  const { stdout: script } = await tidemark(['completion', 'bash']);
  const dir = tempDir();
  const program = packageFile('dist/src/cli/tidemark.js').pathname;
  writeFileSync(join(dir, 'tidemark'), `#!/bin/sh\nexec "${process.execPath}" "${program}" "$@"\n`, { mode: 0o755 });
  writeFileSync(join(dir, 'completion.bash'), script);
  const calls = `
    source ${dir}/completion.bash; source ${dir}/completion.bash
    offer() { COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _tidemark; echo "\${COMPREPLY[*]}"; }
    offer tidemark mig; offer tidemark runs --status co; offer tidemark run '$(touch ${dir}/ran)' ''`;
  const env = { PATH: `${dir}:${process.env.PATH}` };
  const shown = execFileSync('bash', ['--norc', '-c', calls], { env, encoding: 'utf8' });
  expect(shown.split('\n').slice(0, 2)).toEqual(['migrate', 'completed']);
  expect(existsSync(join(dir, 'ran'))).toBe(false);
});
