import { setTimeout as sleep } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { CollectorProcess, testKey } from '../support/collector-process.js';
import { hasMemoryGroups, MemoryGroup } from '../support/memory-group.js';
import { tempDir } from '../support/temp-dir.js';

const mebibyte = 1_048_576;

async function post(collector: CollectorProcess, taskId: string): Promise<void> {
  const response = await fetch(`${collector.url}/v1/events`, {
    method: 'POST',
    headers: { authorization: `Bearer ${testKey}`, 'content-type': 'application/json' },
    body: JSON.stringify({ type: 'task.completed', agent_id: 'a', task_id: taskId }),
  });
  expect(response.status).toBe(202);
}

/** Code of a query of a guest that asks for so much memory, and what the engine says of it; 0 for an answer. */
async function askedFor(collector: CollectorProcess, bytes: number): Promise<readonly [number, string]> {
  const answer = await fetch(`${collector.storeUrl}/?max_memory_usage=${bytes}`, {
    method: 'POST',
    headers: { 'x-clickhouse-user': 'default', 'x-clickhouse-key': collector.readerPassword },
    body: 'SELECT 42',
  });
  return [Number(answer.headers.get('x-clickhouse-exception-code') ?? 0), await answer.text()];
}

test.runIf(hasMemoryGroups)("what others in a container have taken is not counted as the engine's", async () => {
  const group = new MemoryGroup(1_024 * mebibyte);
  const collector = new CollectorProcess({ dataDir: tempDir(), within: group.command });
  try {
    await collector.start();
    await post(collector, 'before');
    await collector.untilStored(1);
    // More than the engine may take: 0.4 of what the container has.
    await group.take(430 * mebibyte);
    // The engine looks at what is taken once a second.
    await sleep(3_000);
    await post(collector, 'beside');
    await collector.untilStored(2);
    expect(collector.output).not.toContain('memory limit');
    // Three quarters of the engine's, though a query may have 512 MiB where there is more.
    expect(await askedFor(collector, 300 * mebibyte)).toEqual([0, '42\n']);
    expect((await askedFor(collector, 310 * mebibyte))[0]).toBe(452);
  } finally {
    await collector.killAll();
  }
});
