import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { CollectorProcess, testKey } from '../support/collector-process.js';
import { tempDir } from '../support/temp-dir.js';

interface Health {
  readonly status: string;
  readonly ledger: { readonly balanced: boolean; readonly recovered: number; readonly quarantined: number };
  readonly dependencies: readonly { readonly name: string; readonly status: string }[];
}

test('a damaged segment is set aside or salvaged and counted, the rest is inserted, the ledger closes', async () => {
  const dataDir = tempDir();
  // Whoever waits behind a segment of which the insert is under way is one segment, however long that takes to be sent.
  const collector = new CollectorProcess({ dataDir, env: { TIDEMARK_SPOOL_SEGMENT_AGE_MS_MAX: '60000' } });
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
    // Segments are inserted from then on.
    await expect.poll(async () => (await collector.get<Health>('/health')).status).toBe('healthy');
    process.kill(collector.enginePid()!, 'SIGSTOP');
    await post('damaged');
    // The second segment is begun when the first has closed by age; its insert, which waits for the engine, says so.
    await expect.poll(() => segments(dataDir).map((name) => isBeingInserted(dataDir, name))).toEqual([true]);
    // A record each, of one segment.
    await post('lost');
    await post('whole');
    await expect.poll(() => segments(dataDir).length).toBe(2);
    process.kill(collector.enginePid()!, 'SIGKILL');
    await collector.kill();
    // The first may have been offered to the store; the second was not.
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

    await collector.stop();
    await collector.start();
    const after = await collector.get<Health>('/health/deep');
    expect(after.ledger).toMatchObject({ balanced: true, recovered: 0, quarantined: 0 });
    expect(await collector.query('SELECT task_id FROM agent_events')).toEqual([{ task_id: 'whole' }]);
  } finally {
    await collector.kill();
  }
});

function segments(dataDir: string): string[] {
  return readdirSync(join(dataDir, 'spool'))
    .filter((name) => name.endsWith('.data'))
    .sort();
}

function isBeingInserted(dataDir: string, segment: string): boolean {
  return readFileSync(join(dataDir, 'spool', 'insert-note'), 'utf8').includes(segment.split('.')[0]!);
}

/** `share`: how far into the file. */
function flipByte(path: string, share: number): void {
  const bytes = readFileSync(path);
  const at = Math.floor(bytes.length * share);
  bytes[at] = bytes[at]! ^ 0xff;
  writeFileSync(path, bytes);
}
