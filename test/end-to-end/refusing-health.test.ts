import { expect, onTestFinished, test } from 'vitest';
import { freePort } from '../../bench/free-port.js';
import { CollectorProcess, testKey } from '../support/collector-process.js';
import { tempDir } from '../support/temp-dir.js';

const mebibyte = 1_048_576;

test('health is 503 while the spool is full, names why, and is still so after a restart', async () => {
  const collector = new CollectorProcess({
    dataDir: tempDir(),
    env: {
      // Nobody is there, so nothing leaves the spool.
      TIDEMARK_CLICKHOUSE_URL: `http://127.0.0.1:${await freePort()}`,
      TIDEMARK_SPOOL_BYTES_MAX: String(16 * mebibyte),
      TIDEMARK_SPOOL_SEGMENT_BYTES_MAX: String(4 * mebibyte),
    },
  });
  onTestFinished(() => collector.kill());
  await collector.start();
  const shallow = async () => {
    const response = await fetch(`${collector.url}/health`);
    return [response.status, await response.json()];
  };
  const events = Array.from({ length: 900 }, () => ({ type: 'log', agent_id: 'a', message: 'x'.repeat(900) }));
  const post = async () => {
    const response = await fetch(`${collector.url}/v1/events`, {
      method: 'POST',
      body: JSON.stringify(events),
      headers: { authorization: `Bearer ${testKey}`, 'content-type': 'application/json' },
    });
    return [response.status, ((await response.json()) as { code?: string }).code];
  };
  expect(await shallow()).toEqual([200, { status: 'degraded' }]);
  let refused: unknown[] = [];
  for (let posts = 0; posts < 100 && refused[0] !== 503; posts++) refused = await post();
  expect(refused).toEqual([503, 'spool_full']);
  await expect.poll(shallow).toEqual([503, { status: 'unhealthy' }]);
  const spool = async () => {
    const { dependencies } = await collector.get<{ dependencies: { name: string }[] }>('/health/deep');
    return dependencies.find(({ name }) => name === 'spool');
  };
  const full = { status: 'unhealthy', reason: 'the spool has reached its quota; appends are refused' };
  expect(await spool()).toMatchObject(full);
  await collector.kill();
  await collector.start();
  expect(await post()).toEqual([503, 'spool_full']);
  expect(await shallow()).toEqual([503, { status: 'unhealthy' }]);
  expect(await spool()).toMatchObject(full);
});
