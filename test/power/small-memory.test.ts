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
  } finally {
    await collector.killAll();
  }
});
