import { expect, test } from 'vitest';
import { CollectorProcess, testKey } from '../support/collector-process.js';
import { settledLedger } from '../support/store-ledger.js';
import { tempDir } from '../support/temp-dir.js';

interface Answer {
  readonly accepted: number;
  readonly rejected: number;
}

/** Posts the executions with these numbers, `perRequest` at a time: each request is a frame of its own. */
async function post(collector: CollectorProcess, numbers: readonly number[], perRequest: number): Promise<void> {
  for (let at = 0; at < numbers.length; at += perRequest) {
    const events = numbers.slice(at, at + perRequest).map((number) => ({
      type: 'task.completed',
      agent_id: `agent-${number % 3}`,
      task_id: `task-${number}`,
      event_id: `event-${number}`,
      duration_ms: 100 + number,
    }));
    const response = await fetch(`${collector.url}/v1/events`, {
      method: 'POST',
      headers: { authorization: `Bearer ${testKey}`, 'content-type': 'application/json' },
      body: JSON.stringify({ events }),
    });
    expect([response.status, ((await response.json()) as Answer).rejected]).toEqual([202, 0]);
  }
}

async function counts(collector: CollectorProcess): Promise<Record<string, number | undefined>> {
  const metrics = await collector.metrics();
  return {
    durable: metrics.get('tidemark_events_total{outcome="durable"}'),
    duplicate: metrics.get('tidemark_events_total{outcome="duplicate"}'),
    restored: metrics.get('tidemark_spool_event_ids_restored_total'),
    executions: [0, 1, 2].reduce((sum, agent) => {
      const labels = `tenant="default",agent_id="agent-${agent}",status="completed"`;
      return sum + (metrics.get(`agent_execution_total{${labels}}`) ?? 0);
    }, 0),
  };
}

const numbers = (from: number, to: number): number[] => Array.from({ length: to - from }, (_, index) => from + index);

test('events sent again under their event_id after a kill or a restart are counted once, everywhere', async () => {
  const collector = new CollectorProcess({ dataDir: tempDir() });
  await collector.start();
  try {
    await post(collector, numbers(0, 600), 50);
    await collector.kill();

    // Killed with the events in the spool: their ids are in its logs.
    await collector.start();
    await post(collector, numbers(0, 650).reverse(), 65);
    expect(await counts(collector)).toEqual({ durable: 50, duplicate: 600, restored: 600, executions: 50 });
    const all = { rows: 650, ids: 650, executions: 650, minuteTotal: 650, dayTotal: 650 };
    expect(await settledLedger(collector, 650)).toEqual(all);

    // Ended in order with the events in the store: their ids are in the journal.
    expect(await collector.stop()).toBe(0);
    await collector.start();
    await post(collector, numbers(0, 700), 70);
    expect(await counts(collector)).toEqual({ durable: 50, duplicate: 650, restored: 650, executions: 50 });
    expect(await settledLedger(collector, 700)).toEqual({
      rows: 700,
      ids: 700,
      executions: 700,
      minuteTotal: 700,
      dayTotal: 700,
    });
  } finally {
    await collector.kill();
  }
});
