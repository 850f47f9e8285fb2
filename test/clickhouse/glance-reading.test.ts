import { expect, test } from 'vitest';
import { GlanceReading } from '../../src/clickhouse/queries/dashboard/glance-reading.js';
import type { StoreReader } from '../../src/core/ports/store-reader.js';

const dayMs = 86_400_000;
const range = {
  standings: {
    tenant: 'acme',
    baselineDayMs: 0,
    recentDayMs: 7 * dayMs,
    rankedDayMs: 2 * dayMs,
    endDayMs: 9 * dayMs,
    ranking: { finishedMin: 20, placesMax: 10, zScore: 1.96 },
    slowness: { recentMin: 20, baselineMin: 20, ratioMin: 2, agentsMax: 200 },
  },
  days: { tenant: 'acme', fromMs: 0, toMs: 9 * dayMs },
};

const packed = (numbers: readonly number[]): string =>
  Buffer.from(Float64Array.from(numbers).buffer).toString('base64');

test('a dashboard of many agents is unpacked in turns of the event loop, its parts whole', async () => {
  const parts = 12;
  const agents = Array.from({ length: 2_500 }, (_, index) => `agent-${index}`);
  const rows = Array.from({ length: parts }, (_, part) => {
    const numbers = packed(agents.flatMap((_agent, index) => [index, 0, 0]));
    return { r: ['heard', `202611_${part}_${part}_0`, agents, agents.map(() => ''), numbers, ''] };
  });
  const store: StoreReader = { rows: <Row>() => Promise.resolve(rows as Row[]) };
  let turns = 0;
  let isDone = false;
  const count = (): void => {
    turns += 1;
    if (!isDone) setImmediate(count);
  };
  setImmediate(count);
  const told = await new GlanceReading(store, 'acme').agents(range, { known: [], rows: null });
  isDone = true;
  expect(turns).toBeGreaterThanOrEqual(parts);
  expect([...told.values()].map(({ heard }) => heard.size)).toEqual(Array.from({ length: parts }, () => 2_500));
  expect(told.get('202611_3_3_0')?.heard.get('agent-7')?.lastReceivedMs).toBe(7);
});
