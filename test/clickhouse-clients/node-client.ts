import { setTimeout as pause } from 'node:timers/promises';
import { isDeepStrictEqual } from 'node:util';
import { ClickHouseLogLevel, createClient } from '@clickhouse/client';
import { askChannel } from '../support/ask-engine.js';
import type { TestEngine } from '../support/embedded-engine.js';
import type { features, Outcome } from './outcome.js';

type Options = NonNullable<Parameters<typeof createClient>[0]>;
type Client = ReturnType<typeof createClient>;

/** Throws what is wrong. */
type Attempt = (store: TestEngine) => Promise<void>;

const million = 'SELECT number FROM numbers(1000000)';

/** @clickhouse/client in this process. */
export async function tryNodeClient(store: TestEngine): Promise<Outcome[]> {
  const outcomes: Outcome[] = [];
  for (const [feature, attempt] of Object.entries(attempts)) {
    const detail = await attempt(store).then(
      () => '',
      (error: unknown) => String(error),
    );
    outcomes.push({ client: '@clickhouse/client', feature, ok: detail === '', detail });
  }
  return outcomes;
}

const attempts: Partial<Record<keyof typeof features, Attempt>> = {
  async connect(store) {
    await using(store, { username: 'default', password: '' }, async (client) => {
      equal(await client.ping({ select: true }), { success: true });
    });
  },
  async types(store) {
    const sql = `SELECT toUInt8(1) AS a, toInt64(-5) AS b, 1.5 AS c, 'ü ✓' AS d, toDecimal64('1.25', 2) AS e,
      [1, 2] AS f, map('k', 1) AS g, NULL AS h, true AS i, toDateTime64('2024-01-02 03:04:05.123', 3, 'UTC') AS j`;
    const expected = { a: 1, b: '-5', c: 1.5, d: 'ü ✓', e: 1.25, f: [1, 2], g: { k: 1 }, h: null, i: true };
    const settings = { output_format_json_quote_64bit_integers: 1 as const };
    await using(store, { clickhouse_settings: settings }, async (client) => {
      equal(await rows(client, sql), [{ ...expected, j: '2024-01-02 03:04:05.123' }]);
    });
  },
  async parameters(store) {
    const query_params = { a: "it's \\ x\n", b: [1, 2], c: 'x'.repeat(50_000), d: new Date(0) };
    const sql =
      'SELECT {a:String} AS a, {b:Array(Int32)} AS b, length({c:String}) AS c, toUnixTimestamp({d:DateTime}) AS d';
    for (const use_multipart_params of [false, true]) {
      await using(store, {}, async (client) => {
        const result = await client.query({ query: sql, query_params, format: 'JSONEachRow', use_multipart_params });
        equal(await result.json(), [{ a: query_params.a, b: [1, 2], c: 50_000, d: 0 }]);
      });
    }
  },
  insert: (store) => insertInto(store, {}),
  async compression(store) {
    await insertInto(store, { compression: { request: true, response: true } });
  },
  async stream(store) {
    await using(store, { compression: { response: true, request: false } }, async (client) => {
      const result = await client.query({ query: million, format: 'JSONCompactEachRow' });
      let sum = 0;
      for await (const lines of result.stream<[number | string]>()) {
        for (const line of lines) sum += Number(line.json()[0]);
      }
      equal(sum, 499_999_500_000);
    });
  },
  async error(store) {
    await using(store, {}, (client) =>
      refused(rows(client, 'SELECT * FROM nowhere'), { code: '60', type: 'UNKNOWN_TABLE' }),
    );
  },
  async 'error midway'(store) {
    const failing = 'SELECT number, throwIf(number = 3000000) AS t FROM numbers(5000000)';
    await using(store, {}, (client) => refused(rows(client, failing), { code: '395' }));
  },
  async 'wrong password'(store) {
    await using(store, { password: 'no' }, (client) => refused(rows(client, 'SELECT 1'), { code: '516' }));
  },
  async cancel(store) {
    const given = new AbortController();
    const query = 'SELECT sleepEachRow(0.1) FROM numbers(3000) SETTINGS max_block_size = 1';
    await using(store, {}, async (client) => {
      const reading = refused(
        client.query({ query, abort_signal: given.signal }).then((result) => result.text()),
        {},
      );
      await pause(500);
      given.abort();
      await reading;
    });
    for (let tries = 0; tries < 200 && (await running(store)) !== '0\n'; tries++) await pause(200);
    equal(await running(store), '0\n');
  },
};

async function running(store: TestEngine): Promise<string> {
  const listed = "query LIKE '%sleepEachRow%' AND query NOT LIKE '%processes%'";
  return (await askChannel(store, `SELECT count() FROM system.processes WHERE ${listed}`)).text;
}

async function insertInto(store: TestEngine, options: Options): Promise<void> {
  await using(store, options, async (client) => {
    await client.command({
      query: 'CREATE TABLE IF NOT EXISTS noded (id UInt64, name String) ENGINE = MergeTree ORDER BY id',
    });
    await client.command({ query: 'TRUNCATE TABLE noded' });
    const values = Array.from({ length: 10_000 }, (_, id) => ({ id, name: `n${id}` }));
    await client.insert({ table: 'noded', values, format: 'JSONEachRow' });
    equal(await rows(client, "SELECT count() AS n FROM noded WHERE name LIKE 'n%'"), [{ n: 10_000 }]);
  });
}

async function using(store: TestEngine, options: Options, work: (client: Client) => Promise<void>): Promise<void> {
  const access = { username: 'tidemark', password: store.writerPassword, database: 'tidemark' };
  const client = createClient({ url: store.engine.url, log: { level: ClickHouseLogLevel.OFF }, ...access, ...options });
  try {
    await work(client);
  } finally {
    await client.close();
  }
}

async function rows(client: Client, query: string): Promise<unknown[]> {
  return await (await client.query({ query, format: 'JSONEachRow' })).json();
}

/** Throws when it succeeds, or fails with another error. */
async function refused(work: Promise<unknown>, expected: Readonly<Record<string, string>>): Promise<void> {
  const error = await work.then(
    () => null,
    (problem: unknown) => problem as Record<string, unknown>,
  );
  if (error === null) throw new Error('there was no error');
  for (const [name, value] of Object.entries(expected)) {
    if (String(error[name]) !== value) throw new Error(`${String(error)} has not ${name} ${value}`);
  }
}

function equal(found: unknown, expected: unknown): void {
  if (!isDeepStrictEqual(found, expected)) {
    throw new Error(`${JSON.stringify(found)} is not ${JSON.stringify(expected)}`);
  }
}
