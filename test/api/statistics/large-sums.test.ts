import { expect, onTestFinished, test } from 'vitest';
import { openApiDocument } from '../../../src/api/openapi/openapi-document.js';
import { type EventField, eventFields } from '../../../src/core/event-schema.js';
import { ApiDocument, type OpenApi } from '../../support/api-document.js';
import { FakeClock } from '../../support/fake-clock.js';
import { exampleEvents, preparedCall } from '../../support/operation-examples.js';
import { createQueryApi } from '../api-client.js';
import { openQueryStore, type RawRow } from '../api-store.js';

const dayMs = 86_400_000;
const nowMs = Math.floor(Date.now() / 60_000) * 60_000;

/** Every number an event can carry, as large as it may be, and the counts larger than they may. */
const largest = Object.fromEntries(
  (eventFields as readonly EventField[])
    .filter(({ kind, name }) => (kind === 'integer' || kind === 'number') && name !== 'attempt')
    .map(({ name, kind, max }) => [name, kind === 'integer' ? Number.MAX_SAFE_INTEGER : max]),
);

test('events with the largest numbers there are leave every answer as described', async () => {
  const store = await openQueryStore();
  onTestFinished(() => store.close());
  const examples = exampleEvents(nowMs).map((event) => ({ ts: nowMs - 1, ...event, received: nowMs, tenant: 'acme' }));
  // A third event of the same kind passes 2^53 in every sum, and 2^54 in most.
  const copies = [1, 2, 3].map((copy) => examples.map((event) => ({ ...event, ...largest, event_id: `${copy}` })));
  await store.insert(copies.flat() as unknown as RawRow[]);
  const api = createQueryApi({
    store: store.reader,
    memory: store.memory,
    exporter: store.exporter,
    clock: new FakeClock(nowMs),
  });
  const document = new ApiDocument(
    openApiDocument(api.routes, { version: '1.0.0', sockets: [] }) as unknown as OpenApi,
  );
  const faults: string[] = [];
  for (const operation of document.operations.filter(({ method }) => method === 'get')) {
    for (const way of ['realtime', 'aggregated']) {
      const takesWay = operation.parameters?.some(({ name }) => name === 'metric_type');
      const query: Record<string, string> = takesWay ? { metric_type: way } : {};
      if (operation.operationId === 'exportMetrics') query.format = 'json';
      const { target } = preparedCall(operation, query);
      const { status, body, headers, text } = await api.get('acme', target);
      const contentType = headers['content-type'] ?? '';
      if (status !== 200) faults.push(`${target}: ${status} ${text.slice(0, 200)}`);
      faults.push(...document.faults(operation, { status, contentType, body }).map((fault) => `${target}: ${fault}`));
    }
  }
  const { body } = await api.get('acme', '/api/v1/agents/api-agent/metrics');
  expect((body.tokens as { readonly in: number }).in).toBeGreaterThan(2 ** 54);
  expect(faults).toEqual([]);
});

test('sums beyond 2^64 go on instead of beginning anew at 0, over days and over failures', async () => {
  const store = await openQueryStore();
  onTestFinished(() => store.close());
  const whole = 2 ** 63;
  const usage = { llm_calls: whole, tokens_in: whole, tokens_out: 0, cost_micros: whole };
  const task = {
    tenant: 'acme',
    agent_id: 'heavy',
    run_id: 'r',
    type: 'task.failed',
    error_category: 'tool',
    ...usage,
  };
  const rows = [1, 2, 3].map((day) => ({ ...task, task_id: `t${day}`, ts: nowMs - day * dayMs, received: nowMs }));
  await store.insert(rows as unknown as RawRow[]);
  const api = createQueryApi({
    store: store.reader,
    memory: store.memory,
    exporter: store.exporter,
    clock: new FakeClock(nowMs),
  });
  const answer = async (target: string) => (await api.get('acme', `/api/v1/${target}`)).body as never;
  const metrics = (way: string) => answer(`agents/heavy/metrics?time_range=7d&metric_type=${way}`);
  const sums = { tokens: { in: 3 * whole, out: 0, total: 3 * whole }, cost_cents: (3 * whole) / 10_000 };
  expect(await metrics('aggregated')).toMatchObject({ llm_calls: 3 * whole, ...sums });
  expect(await metrics('realtime')).toMatchObject({ llm_calls: 3 * whole, ...sums });
  expect(await answer('metrics/dashboard')).toMatchObject({ executions: { '7d': sums } });
  expect(await answer('failures/breakdown')).toMatchObject({ totals: { wasted: sums } });
});
