import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';
import { packageFile } from '../../src/core/package-root.js';

const run = promisify(execFile);

interface Script {
  readonly name: string;
  readonly path: string;
  /** Those after the path. */
  readonly words: readonly string[];
}

/** Scripts of ours that `npm run build` makes; those of tests are built by their own command. */
function commands(): readonly Script[] {
  const { scripts } = JSON.parse(readFileSync(packageFile('package.json'), 'utf8')) as {
    readonly scripts: Readonly<Record<string, string>>;
  };
  return Object.entries(scripts).flatMap(([name, script]) => {
    const [, path, rest = ''] = /node (dist\/(?:src|bench)\/\S+\.js)(.*)$/.exec(script) ?? [];
    return path === undefined ? [] : [{ name, path, words: rest.split(' ').filter(Boolean) }];
  });
}

test('every command says how it is used when it is asked, and does nothing', async () => {
  const all = commands();
  expect(all.length).toBeGreaterThan(12);
  for (const { name, path, words } of all) {
    const { stdout, stderr } = await run(process.execPath, [fileURLToPath(packageFile(path)), ...words, '--help']);
    const called = path.startsWith('dist/src/cli/reference') || path.startsWith('dist/bench/') ? name : 'tidemark';
    expect([stdout.split(' ', 2), stderr], name).toEqual([['usage:', called], '']);
  }
});
