import { afterAll, beforeAll, expect, test } from 'vitest';
import { RollupDayFinalizer } from '../../../src/clickhouse/maintenance/day-finalizer.js';
import { createInsertToken } from '../../../src/clickhouse/maintenance/insert-token.js';
import { createSegmentWriter } from '../../../src/clickhouse/segments/segment-insert.js';
import { systemClock } from '../../../src/core/clock.js';
import { silentLogger } from '../../../src/core/logger.js';
import { EngineStore } from '../../support/engine-store.js';
import { noonMs, row } from '../../support/event-rows.js';
import { seededRandom } from '../../support/seeded-random.js';
import { timeText, writeSegment } from '../../support/segment-file.js';
import { createQueryApi, type QueryApi } from '../api-client.js';

const yesterday = timeText(noonMs).slice(0, 10);
const path = `/api/v1/maintenance/days/${yesterday}`;
const counter = { inc: () => {} };
let store: EngineStore;
let finalizer: RollupDayFinalizer;
let api: QueryApi;

beforeAll(async () => {
  store = await EngineStore.withSchema();
  const event = (tenant: string, agent: string, task: string) =>
    row({ tenant, agent_id: agent, type: 'task.completed', task_id: task, event_id: task });
  const rows = [event('mine', 'a', '1'), event('mine', 'b', '2'), event('mine', 'b', '3'), event('theirs', 'a', '4')];
  const segment = await writeSegment(store, { id: 's1', blocks: [rows] });
  await createSegmentWriter({ store }, { database: 'tidemark', transport: 'infile' }).insert(segment);
  finalizer = new RollupDayFinalizer(
    {
      store,
      delivery: { whileHeld: (work) => work() },
      undeliveredSinceMs: () => null,
      clock: systemClock,
      nextToken: createInsertToken(systemClock, seededRandom(2)),
      logger: silentLogger,
      instruments: {
        finalizations: counter,
        agentsRepaired: counter,
        failures: counter,
        seconds: { observe: () => {} },
        lastSuccess: { set: () => {} },
      },
    },
    { skewFutureMs: 3_600_000 },
  );
  api = createQueryApi({ store: store.client, finalizer, clock: systemClock });
});

afterAll(() => store.end());

test('a day of the own tenant, or one agent of it, is finalized and listed; other tenants are left out', async () => {
  await store.run('DELETE FROM agent_performance_per_day_v1 WHERE true');
  const one = await api.post('mine', `${path}?agent_id=b`);
  expect([one.status, one.body]).toEqual([
    200,
    { day: yesterday, agent_id: 'b', agents: 1, events: 2, agents_repaired: 1, took_ms: expect.any(Number) },
  ]);
  const whole = await api.post('mine', path);
  expect(whole.body).toMatchObject({ agent_id: null, agents: 2, events: 3, agents_repaired: 1 });
  const recorded = await store.select(
    `SELECT tenant, sum(events) AS events FROM agent_performance_daily GROUP BY tenant`,
  );
  expect(recorded).toEqual([{ tenant: 'mine', events: 3 }]);

  const { body } = await api.get('mine', '/api/v1/maintenance/days?limit=1');
  expect(body).toEqual({
    limit: 1,
    finalizations: [
      {
        day: yesterday,
        finalized_at: expect.stringMatching(/Z$/),
        received_before: expect.stringMatching(/Z$/),
        tenant: 'mine',
        agent_id: null,
        agents: 2,
        events: 3,
        agents_repaired: 1,
        took_ms: expect.any(Number),
      },
    ],
  });
  expect((await api.get('theirs', '/api/v1/maintenance/days')).body).toEqual({ limit: 20, finalizations: [] });
});

test.each([
  ['2026-02-30', '', 'day'],
  ['today', '', 'day'],
  [`${yesterday}T00:00:00Z`, '', 'day'],
  [yesterday, '?agent_id=', 'agent_id'],
  [yesterday, '?tenant=theirs', 'tenant'],
])('%s%s is refused, and the parameter named', async (day, query, name) => {
  const { status, body } = await api.post('mine', `/api/v1/maintenance/days/${day}${query}`);
  expect(status).toBe(400);
  expect(body).toMatchObject({ code: 'parameter_invalid', errors: [{ path: name }] });
});

test('a day that is not over is refused with the days that are not', async () => {
  const today = timeText(Date.now()).slice(0, 10);
  const { status, body } = await api.post('mine', `/api/v1/maintenance/days/${today}`);
  expect([status, body.code]).toEqual([400, 'parameter_invalid']);
  expect(body.detail).toMatch(`to ${yesterday}, the last that is over`);
});

test('a second request while one is under way comes too early', async () => {
  const answers = await Promise.all([api.post('mine', path), api.post('mine', path)]);
  expect(answers.map(({ status }) => status).sort()).toEqual([200, 429]);
});
