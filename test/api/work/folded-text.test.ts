import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { FakeClock } from '../../support/fake-clock.js';
import { createQueryApi } from '../api-client.js';
import { openQueryStore, type QueryStore, type RawRow } from '../api-store.js';

const nowMs = Math.floor(Date.now() / 60_000) * 60_000;
const messages = [
  'Le CAFÉ est fermé',
  'Le cafe\u0301 est fermé',
  'die Straße ist GESPERRT',
  'DIE STRASSE IST GESPERRT',
  'GROẞ',
  'ΟΔΟΣ κλειστός',
  'οδος',
  'İstanbul cannot be reached',
  'ISPARTA cannot be reached',
  'plain words only, 100 %',
];
let store: QueryStore;

beforeAll(async () => {
  store = await openQueryStore();
  const rows = messages.map((message, index) => ({
    tenant: 'acme',
    agent_id: 'a',
    task_id: `task-${index}`,
    type: 'task.failed',
    error_category: 'tool',
    error_message: message,
    ts: nowMs - 60_000,
    received: nowMs - 60_000,
  }));
  await store.insert(rows as unknown as RawRow[]);
});
afterAll(() => store.close());

async function found(text: string): Promise<string[]> {
  const api = createQueryApi({ store: store.reader, exporter: store.exporter, clock: new FakeClock(nowMs) });
  const { body } = await api.get('acme', `/api/v1/monitoring/tasks?limit=100&error_text=${encodeURIComponent(text)}`);
  const tasks = body.tasks as readonly { readonly task_id: string }[];
  return tasks.map(({ task_id }) => messages[Number(task_id.split('-')[1])] ?? '').sort();
}

describe('a text is found in whatever case Unicode gives it', () => {
  test.each([
    ['café', [messages[0], messages[1]]],
    ['CAFE\u0301', [messages[0], messages[1]]],
    ['strasse', [messages[2], messages[3]]],
    ['STRAẞE', [messages[2], messages[3]]],
    ['gesperrt', [messages[2], messages[3]]],
    ['groß', [messages[4]]],
    ['οδοσ', [messages[5], messages[6]]],
    ['ΟΔΟΣ', [messages[5], messages[6]]],
    ['κλειστόσ', [messages[5]]],
    ['i\u0307stanbul', [messages[7]]],
    ['istanbul', []],
    ['isparta', [messages[8]]],
    ['ısparta', []],
    ['PLAIN WORDS', [messages[9]]],
    ['100 %', [messages[9]]],
  ])('%s', async (text, expected) => {
    expect(await found(text)).toEqual([...expected].sort());
  });
});
