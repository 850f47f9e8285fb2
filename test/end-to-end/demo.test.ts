import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { expect, onTestFinished, test } from 'vitest';
import { packageFile } from '../../src/core/package-root.js';
import { CollectorProcess, testKey } from '../support/collector-process.js';
import { tempDir } from '../support/temp-dir.js';

const run = promisify(execFile);
const demo = fileURLToPath(packageFile('dist/src/cli/demo.js'));

interface Ended {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

async function runDemo(...options: string[]): Promise<Ended> {
  try {
    return { code: 0, ...(await run(process.execPath, [demo, ...options])) };
  } catch (error) {
    return error as Ended;
  }
}

test('the demo ends with code 0 when the collector answers with the counts of what was sent', async () => {
  const collector = new CollectorProcess({ dataDir: tempDir() });
  onTestFinished(async () => {
    await collector.stop();
  });
  await collector.start();
  const fleet = ['--agents', '5', '--rate', '2000', '--seconds', '2', '--seed', '7'];
  const { code, stdout } = await runDemo(...fleet, '--url', collector.url, '--key', testKey);
  expect(stdout).toContain('counts and success rates are equal for 5 of 5 agents');
  expect(stdout).toContain('nothing was lost, nothing was counted twice');
  expect(code).toBe(0);
  expect((await collector.metrics()).get('tidemark_events_total{outcome="durable"}')).toBe(4_000);

  const refused = await runDemo(...fleet, '--url', collector.url, '--key', 'tdm_not_a_key_of_this_collector');
  expect(refused.code).toBe(2);
  expect(refused.stderr).toContain('cannot open the stream');
});

test('the demo ends with code 2 and says why when there is no collector or an option is wrong', async () => {
  const nowhere = await runDemo('--url', 'http://127.0.0.1:9', '--key', testKey);
  expect([nowhere.code, nowhere.stderr]).toEqual([2, expect.stringContaining('cannot reach a collector')]);
  const wrong = await runDemo('--agents', 'many', '--key', testKey);
  expect([wrong.code, wrong.stderr]).toEqual([2, expect.stringContaining('--agents many')]);
});
