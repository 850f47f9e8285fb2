import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { freePort } from '../../bench/free-port.js';
import { CollectorProcess, testKey } from '../support/collector-process.js';
import { tempDir } from '../support/temp-dir.js';

interface Health {
  readonly ledger: { readonly balanced: boolean; readonly recovered: number; readonly quarantined: number };
  readonly dependencies: readonly {
    readonly name: string;
    readonly status: string;
    readonly details: { readonly undelivered_events?: number };
  }[];
}

test('a damaged segment is set aside or salvaged and counted, the rest is inserted, the ledger closes', async () => {
  const dataDir = tempDir();
  // A segment ends with its process; the second waits behind the first, of two records however slowly they are sent.
  await leaveInSpool(dataDir, ['damaged']);
  await leaveInSpool(dataDir, ['lost', 'whole']);
  const collector = new CollectorProcess({ dataDir });
  try {
    // For all that is known the first, as the oldest, was offered to the store; the second was not.
    const [first, second] = segments(dataDir).map((name) => join(dataDir, 'spool', name));
    flipByte(first!, 0.5);
    flipByte(second!, 0.1);

    await collector.start();
    await expect.poll(async () => (await collector.query('SELECT task_id FROM agent_events')).length).toBe(1);
    const before = await collector.get<Health>('/health/deep');
    expect(before.ledger).toMatchObject({ balanced: true, recovered: 3, quarantined: 2 });
    expect(before.dependencies.find(({ name }) => name === 'spool')?.status).toBe('degraded');
    const aside = readdirSync(join(dataDir, 'spool')).flatMap((name) => /\.(\w+\.quarantined)$/.exec(name)?.[1] ?? []);
    expect(aside.sort()).toEqual(['damaged.quarantined', 'data.quarantined', 'log.quarantined']);

    // The raw table has the row before the rest of its insert is through.
    await expect.poll(async () => await undeliveredEvents(collector)).toBe(0);
    await collector.stop();
    await collector.start();
    const after = await collector.get<Health>('/health/deep');
    expect(after.ledger).toMatchObject({ balanced: true, recovered: 0, quarantined: 0 });
    expect(await collector.query('SELECT task_id FROM agent_events')).toEqual([{ task_id: 'whole' }]);
  } finally {
    await collector.kill();
  }
});

/** As a collector does whose store is away until it is killed. */
async function leaveInSpool(dataDir: string, tasks: readonly string[]): Promise<void> {
  const env = {
    TIDEMARK_CLICKHOUSE_URL: `http://127.0.0.1:${await freePort()}`,
    TIDEMARK_SPOOL_SEGMENT_AGE_MS_MAX: '60000',
  };
  const collector = new CollectorProcess({ dataDir, env });
  await collector.start();
  for (const task of tasks) {
    const response = await fetch(`${collector.url}/v1/events`, {
      method: 'POST',
      headers: { authorization: `Bearer ${testKey}`, 'content-type': 'application/json' },
      body: JSON.stringify({ type: 'task.completed', agent_id: 'a', task_id: task }),
    });
    expect(response.status).toBe(202);
  }
  await collector.kill();
}

function segments(dataDir: string): string[] {
  return readdirSync(join(dataDir, 'spool'))
    .filter((name) => name.endsWith('.data'))
    .sort();
}

async function undeliveredEvents(collector: CollectorProcess): Promise<unknown> {
  const { dependencies } = await collector.get<Health>('/health/deep');
  return dependencies.find(({ name }) => name === 'delivery')?.details.undelivered_events;
}

/** `share`: how far into the file. */
function flipByte(path: string, share: number): void {
  const bytes = readFileSync(path);
  const at = Math.floor(bytes.length * share);
  bytes[at] = bytes[at]! ^ 0xff;
  writeFileSync(path, bytes);
}
