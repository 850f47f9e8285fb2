import { afterAll, beforeAll, expect, test } from 'vitest';
import { FakeClock } from '../../support/fake-clock.js';
import { createQueryApi, type QueryApi } from '../api-client.js';
import { openQueryStore, type QueryStore, type RawRow } from '../api-store.js';

const nowMs = Math.floor(Date.now() / 60_000) * 60_000;
/** Of each thing that is listed. */
const count = 6;

let store: QueryStore;
let api: QueryApi;

/** A run of each agent in a flow of its own, with a task, a failed step and a pattern; the first has further steps. */
function rowsOf(index: number): RawRow[] {
  const ts = nowMs - 60_000 + index;
  const base = { tenant: 'acme', agent_id: `agent-${index}`, run_id: `run-${index}`, flow_id: `flow-${index}`, ts };
  const row = (type: string, more: object): RawRow => ({ ...base, type, received: ts, ...more });
  const task = { task_id: `task-${index}` };
  const failure = { error_category: 'tool', error_code: 'timeout', error_message: `no answer ${index}` };
  const further = index > 0 ? 0 : count - 1;
  return [
    row('step.failed', { ...task, step_id: 'failed', ...failure }),
    ...Array.from({ length: further }, (_, step) => row('step.completed', { ...task, step_id: `step-${step}` })),
    row('task.completed', task),
    row('run.completed', {}),
    row('pattern.observed', { pattern_id: `pattern-${index}`, confidence: 0.5 }),
  ];
}

beforeAll(async () => {
  store = await openQueryStore();
  await store.insert(Array.from({ length: count }, (_, index) => rowsOf(index)).flat());
  api = createQueryApi({ store: store.reader, clock: new FakeClock(nowMs) });
});

afterAll(() => store.close());

test.each([
  { path: 'agents', items: 'agents' },
  { path: 'runs', items: 'runs', total: 'total' },
  { path: 'monitoring/tasks', items: 'tasks', total: 'total' },
  { path: 'failures', items: 'failures' },
  { path: 'patterns', items: 'patterns' },
  { path: 'flows', items: 'flows', total: 'total' },
  { path: 'runs/run-0/timeline', items: 'nodes', total: 'total_nodes' },
  { path: 'agents/logs?run_id=run-0', items: 'nodes' },
])('a page of $path that is full to the last item is the last, and no page changes the total', async (listed) => {
  const { path, items, total } = listed;
  const page = async (limit: number, cursor: unknown = null) => {
    const query = `limit=${limit}${cursor === null ? '' : `&cursor=${String(cursor)}`}`;
    const { status, body } = await api.get('acme', `/api/v1/${path}${path.includes('?') ? '&' : '?'}${query}`);
    expect([status, body.detail]).toEqual([200, undefined]);
    return {
      items: body[items] as object[],
      cursor: body.next_cursor,
      total: total === undefined ? null : body[total],
    };
  };
  const all = await page(100);
  const { length } = all.items;
  expect(length).toBeGreaterThanOrEqual(count);
  const wholeTotal = total === undefined ? null : length;
  expect([all.cursor, all.total]).toEqual([null, wholeTotal]);

  expect(await page(length)).toEqual(all);
  const butOne = await page(length - 1);
  expect(butOne).toEqual({ items: all.items.slice(0, -1), cursor: expect.any(String), total: wholeTotal });
  expect(await page(length - 1, butOne.cursor)).toEqual({ ...all, items: all.items.slice(-1) });
  // The last page has as many items as it may.
  const first = await page(length - 2);
  expect(await page(2, first.cursor)).toEqual({ ...all, items: all.items.slice(-2) });
});
