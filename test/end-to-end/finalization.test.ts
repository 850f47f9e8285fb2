import { expect, test } from 'vitest';
import { CollectorProcess, testKey } from '../support/collector-process.js';
import { tempDir } from '../support/temp-dir.js';

const eventsPerRequest = 50;
const pauseMs = 5;
const agents = ['a', 'b', 'c'];
const yesterday = new Date(Math.floor(Date.now() / 86_400_000) * 86_400_000 - 43_200_000);
const day = yesterday.toISOString().slice(0, 10);
const readKey = 'tdm_read_key_of_the_end_to_end_tests';
const headers = { authorization: `Bearer ${testKey}`, 'content-type': 'application/json' };

// Sends all the while: as fast as it is answered, there would be the more to repair the longer it takes.
test('events of a day that arrive while it is repaired are counted once, again and again', async () => {
  const keys = `${testKey}:default:admin,${readKey}:default:read`;
  const env = { TIDEMARK_API_KEYS: keys, TIDEMARK_MAINTENANCE_SCHEDULE: 'off' };
  const collector = new CollectorProcess({ dataDir: tempDir(), env, isStreamed: true });
  await collector.start();
  try {
    let sent = 0;
    let isOver = false;
    const send = async (): Promise<void> => {
      const events = Array.from({ length: eventsPerRequest }, (_, index) => ({
        type: index % 5 === 0 ? 'task.failed' : 'task.completed',
        agent_id: agents[index % agents.length],
        task_id: `t${sent + index}`,
        event_id: `e${sent + index}`,
        ts: yesterday.getTime() + ((sent + index) % 3_600) * 1_000,
        duration_ms: 100,
        ...(index % 5 === 0 ? { error_category: 'tool', error_message: `failed after ${index} s` } : {}),
      }));
      const answer = await fetch(`${collector.url}/v1/events`, {
        method: 'POST',
        headers,
        body: JSON.stringify(events),
      });
      expect(answer.status).toBe(202);
      sent += eventsPerRequest;
    };
    const finalize = async () => {
      const answer = await fetch(`${collector.url}/api/v1/maintenance/days/${day}`, { method: 'POST', headers });
      expect(answer.status, await answer.clone().text()).toBe(200);
      return (await answer.json()) as { readonly agents_repaired: number; readonly events: number };
    };
    const asReader = { headers: { authorization: `Bearer ${readKey}` } };
    const refused = [
      await fetch(`${collector.url}/api/v1/maintenance/days`, asReader),
      await fetch(`${collector.url}/api/v1/maintenance/days/${day}`, { ...asReader, method: 'POST' }),
    ];
    expect(refused.map(({ status }) => status)).toEqual([403, 403]);
    await send();
    await expect.poll(async () => (await storedCounts(collector))[0]).toBe(sent);
    const sending = (async () => {
      while (!isOver) {
        await send();
        await new Promise((resolve) => setTimeout(resolve, pauseMs));
      }
    })();
    let repaired = 0;
    for (const table of ['per_day', 'per_minute', 'per_day', 'per_minute']) {
      await deleteRows(collector, `agent_performance_${table}_v1`);
      repaired += (await finalize()).agents_repaired;
    }
    isOver = true;
    await sending;
    expect(repaired).toBeGreaterThanOrEqual(8);
    await expect.poll(() => storedCounts(collector)).toEqual([sent, sent, sent, sent]);
    expect(await finalize()).toMatchObject({ events: sent, agents_repaired: 0 });
    expect((await collector.metrics()).get('tidemark_maintenance_finalizations_total')).toBe(5);
  } finally {
    await collector.stop();
  }
});

/** As the store's writer: the rollup of agents a and b is gone. */
async function deleteRows(collector: CollectorProcess, table: string): Promise<void> {
  await collector.write(`DELETE FROM ${table} WHERE agent_id != 'c'`);
}

/** Events of the raw table, of days, of minutes, and five times the failures. */
async function storedCounts(collector: CollectorProcess): Promise<number[]> {
  const [row] = await collector.query<{ readonly [name: string]: string }>(`SELECT
      (SELECT count() FROM agent_events) AS raw,
      (SELECT sum(events) FROM agent_performance_daily) AS days,
      (SELECT sum(total) FROM agent_performance_minutely) AS minutes,
      (SELECT sum(occurrences) * 5 FROM agent_errors_daily) AS failures`);
  return Object.values(row ?? {}).map(Number);
}
