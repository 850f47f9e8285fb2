import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';
import { packageFile } from '../../src/core/package-root.js';

const run = promisify(execFile);

/** Scripts of ours that `npm run build` makes; those of tests are built by their own command. */
function commands(): readonly (readonly [name: string, path: string])[] {
  const { scripts } = JSON.parse(readFileSync(packageFile('package.json'), 'utf8')) as {
    readonly scripts: Readonly<Record<string, string>>;
  };
  return Object.entries(scripts).flatMap(([name, script]) => {
    const [, path] = /node (dist\/(?:src|bench)\/\S+\.js)/.exec(script) ?? [];
    return path === undefined ? [] : [[name, path] as const];
  });
}

test('every command says how it is used when it is asked, and does nothing', async () => {
  const all = commands();
  expect(all.length).toBeGreaterThan(12);
  for (const [name, path] of all) {
    const { stdout, stderr } = await run(process.execPath, [fileURLToPath(packageFile(path)), '--help']);
    expect([stdout.split(' ', 2), stderr], name).toEqual([['usage:', name], '']);
  }
}, 120_000);
