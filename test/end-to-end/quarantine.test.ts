import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { CollectorProcess, testKey } from '../support/collector-process.js';
import { tempDir } from '../support/temp-dir.js';

interface Health {
  readonly ledger: { readonly balanced: boolean; readonly recovered: number; readonly quarantined: number };
  readonly dependencies: readonly { readonly name: string; readonly status: string }[];
}

test('a damaged segment is set aside and counted, the others are inserted, the ledger closes', async () => {
  const dataDir = tempDir();
  const collector = new CollectorProcess({ dataDir });
  await collector.start();
  const post = async (task: string) => {
    const response = await fetch(`${collector.url}/v1/events`, {
      method: 'POST',
      headers: { authorization: `Bearer ${testKey}`, 'content-type': 'application/json' },
      body: JSON.stringify({ type: 'task.completed', agent_id: 'a', task_id: task }),
    });
    expect(response.status).toBe(202);
  };
  try {
    await collector.query('SELECT 1 AS one');
    process.kill(collector.enginePid()!, 'SIGSTOP');
    await post('damaged');
    // The second segment is begun when the first has closed by age.
    await expect.poll(() => segments(dataDir).length).toBe(1);
    await new Promise((resolve) => setTimeout(resolve, 1_500));
    await post('whole');
    await expect.poll(() => segments(dataDir).length).toBe(2);
    process.kill(collector.enginePid()!, 'SIGKILL');
    await collector.kill();
    flipByte(join(dataDir, 'spool', segments(dataDir)[0]!));

    await collector.start();
    await expect.poll(async () => (await collector.query('SELECT task_id FROM agent_events')).length).toBe(1);
    const first = await collector.get<Health>('/health/deep');
    expect(first.ledger).toMatchObject({ balanced: true, recovered: 2, quarantined: 1 });
    expect(first.dependencies.find(({ name }) => name === 'spool')?.status).toBe('degraded');
    expect(readdirSync(join(dataDir, 'spool')).filter((name) => name.endsWith('.data.quarantined'))).toHaveLength(1);

    await collector.stop();
    await collector.start();
    const second = await collector.get<Health>('/health/deep');
    expect(second.ledger).toMatchObject({ balanced: true, recovered: 0, quarantined: 0 });
    expect(await collector.query('SELECT task_id FROM agent_events')).toEqual([{ task_id: 'whole' }]);
  } finally {
    await collector.kill();
  }
}, 120_000);

function segments(dataDir: string): string[] {
  return readdirSync(join(dataDir, 'spool'))
    .filter((name) => name.endsWith('.data'))
    .sort();
}

function flipByte(path: string): void {
  const bytes = readFileSync(path);
  const middle = Math.floor(bytes.length / 2);
  bytes[middle] = bytes[middle]! ^ 0xff;
  writeFileSync(path, bytes);
}
