import { readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { CollectorProcess, testKey } from '../support/collector-process.js';
import { tempDir } from '../support/temp-dir.js';

/** The engine's port as the collector opens it: with a password made at the first start, or as it was configured. */
async function answerOf(collector: CollectorProcess, credentials: string | null): Promise<string> {
  const authorization = `Basic ${Buffer.from(credentials ?? '').toString('base64')}`;
  const response = await fetch(
    `${collector.storeUrl}/?query=${encodeURIComponent('SELECT count() FROM agent_events')}`,
    {
      headers: credentials === null ? {} : { authorization },
    },
  );
  const code = response.headers.get('x-clickhouse-exception-code');
  return code === null ? (await response.text()).trim() : `code ${code}`;
}

async function ready(collector: CollectorProcess): Promise<void> {
  await collector.start();
  await expect.poll(async () => (await collector.get<{ readonly status: string }>('/health')).status).toBe('healthy');
}

test('the reader has a password from the first start, shown once and kept for its owner alone', async () => {
  const dataDir = tempDir();
  const collector = new CollectorProcess({ dataDir, makesStore: true });
  try {
    await ready(collector);
    const { readerPassword } = collector;
    expect(readerPassword).toMatch(/^[\w-]{32}$/);
    expect(collector.output).toContain(`shown once: ${readerPassword}`);
    for (const name of ['engine-reader-password', 'engine-writer-password', 'grafana.env']) {
      expect(statSync(join(dataDir, name)).mode & 0o777, name).toBe(0o600);
    }
    const environment = readFileSync(join(dataDir, 'grafana.env'), 'utf8');
    expect(environment).toContain(`TIDEMARK_GRAFANA_CLICKHOUSE_PASSWORD='${readerPassword}'`);
    expect(environment).toContain(`TIDEMARK_GRAFANA_CLICKHOUSE_PORT=${new URL(collector.storeUrl).port}`);
    expect(await answerOf(collector, null)).toBe('code 516');
    expect(await answerOf(collector, 'default:')).toBe('code 516');
    expect(await answerOf(collector, `default:${readerPassword}`)).toBe('0');
    expect((await fetch(`${collector.storeUrl}/ping`)).status).toBe(200);
    await collector.stop();
    collector.output = '';
    await ready(collector);
    expect(collector.readerPassword).toBe(readerPassword);
    expect(collector.output).not.toContain(readerPassword);
    expect(await answerOf(collector, `default:${readerPassword}`)).toBe('0');
  } finally {
    await collector.stop();
  }
});

test('an open port and readers of one tenant each are there when they are asked for', async () => {
  const collector = new CollectorProcess({
    dataDir: tempDir(),
    env: {
      TIDEMARK_API_KEYS: `${testKey}:default:admin,tdm_test_key_of_the_other_tenant:other:ingest`,
      TIDEMARK_CLICKHOUSE_READER_ACCESS: 'open',
      TIDEMARK_CLICKHOUSE_READERS: 'ann:other:pass:with:colons,bob:default:another-password',
    },
  });
  try {
    await ready(collector);
    for (const [index, key] of [testKey, testKey, 'tdm_test_key_of_the_other_tenant'].entries()) {
      const response = await fetch(`${collector.url}/v1/events`, {
        method: 'POST',
        body: JSON.stringify([{ type: 'task.completed', agent_id: 'a', task_id: `t${index}` }]),
        headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json' },
      });
      expect(response.status).toBe(202);
    }
    await expect.poll(() => answerOf(collector, null)).toBe('3');
    expect(await answerOf(collector, 'ann:pass:with:colons')).toBe('1');
    expect(await answerOf(collector, 'bob:another-password')).toBe('2');
    expect(await answerOf(collector, 'bob:pass:with:colons')).toBe('code 516');
  } finally {
    await collector.stop();
  }
});
