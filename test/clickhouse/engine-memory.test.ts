import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { tryLoadFileLock } from '../../src/clickhouse/embedded/sandbox/native-calls.js';
import { packageFile } from '../../src/core/package-root.js';
import { EngineStore } from '../support/engine-store.js';

it('the engine maps no symbols of its programs for statements of the collector that fail', async () => {
  const store = await EngineStore.start();
  onTestFinished(() => store.end());
  await expect(store.select('SELECT throwIf(1) AS failed')).rejects.toThrow('throwIf');
  await expect(store.writerRows({ name: 'missing', sql: 'SELECT * FROM missing', params: {} })).rejects.toThrow(
    'missing',
  );
  expect(await store.select(`SELECT value FROM system.metrics WHERE metric = 'MMappedFiles'`)).toEqual([{ value: 0 }]);
});

const isPossible = process.platform === 'linux' && tryLoadFileLock() !== null;

it.skipIf(!isPossible)('pages that a start touched are given back, and what is used comes back (needs koffi)', () => {
  const directory = mkdtempSync(join(tmpdir(), 'tidemark-pages-'));
  onTestFinished(() => rmSync(directory, { recursive: true, force: true }));
  const [engine, pages] = ['chdb-engine', 'process/start-pages'].map((module) =>
    JSON.stringify(packageFile(`dist/src/clickhouse/embedded/${module}.js`).href),
  );
  const program = `
    const { openChdbEngine } = await import(${engine});
    const { giveBackPages } = await import(${pages});
    const options = { directory: ${JSON.stringify(join(directory, 'db'))}, database: 'd', memoryBytesMax: 1e9 };
    const engine = await openChdbEngine(options);
    const before = process.memoryUsage.rss();
    const bytes = giveBackPages(/libchdb\\.so$/);
    const less = before - process.memoryUsage.rss();
    const failing = 'SELECT throwIf(number = 5000) FROM numbers(10000)';
    const failure = await engine.rows(failing).catch(({ message }) => message);
    const rows = await engine.rows('SELECT sum(number) AS sum FROM numbers(1000)');
    await engine.close();
    console.log(JSON.stringify({ bytes, less, failure, rows }));
    process.exit(0);`;
  const answer = execFileSync(process.execPath, ['--input-type=module', '-e', program], { encoding: 'utf8' });
  const { bytes, less, failure, rows } = JSON.parse(answer.trim().split('\n').at(-1) ?? '');
  expect(bytes).toBeGreaterThan(100e6);
  expect(less).toBeGreaterThan(100e6);
  expect(failure).toContain('throwIf');
  expect(rows).toEqual([{ sum: 499_500 }]);
});
