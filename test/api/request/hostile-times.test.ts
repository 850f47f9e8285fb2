import { afterAll, beforeAll, expect, test } from 'vitest';
import { openApiDocument } from '../../../src/api/openapi/openapi-document.js';
import { encodePageCursor } from '../../../src/api/request/page-cursor.js';
import { RollupDayFinalizer } from '../../../src/clickhouse/maintenance/day-finalizer.js';
import { createInsertToken } from '../../../src/clickhouse/maintenance/insert-token.js';
import { systemClock } from '../../../src/core/clock.js';
import { silentLogger } from '../../../src/core/logger.js';
import { type ApiCallable, ApiDocument, type DocumentParameter, type OpenApi } from '../../support/api-document.js';
import { FakeClock } from '../../support/fake-clock.js';
import { preparedCall } from '../../support/operation-examples.js';
import { seededRandom } from '../../support/seeded-random.js';
import { type Answer, createQueryApi, type QueryApi } from '../api-client.js';
import { openQueryStore, type QueryStore } from '../api-store.js';

const nowMs = Math.floor(Date.now() / 60_000) * 60_000;

/** None of them is a date or a time, whatever `Date` makes of it. */
const hostileTexts = [
  '',
  ' ',
  '0',
  '-1',
  '1e400',
  '1e308',
  'NaN',
  'Infinity',
  'null',
  'undefined',
  'now',
  'today',
  'Invalid Date',
  '2026',
  '2026-01',
  '2026-1-5',
  '2026-13-01',
  '2026-00-01',
  '2026-01-00',
  '2026-01-32',
  '2026-02-30',
  '2025-02-29',
  '1900-02-29',
  '0000-00-00',
  '0000-01-01',
  '0001-01-01',
  '1969-12-31',
  '-000001-01-01',
  '-271821-04-20',
  '+275760-09-13',
  '+275761-01-01',
  '+002026-01-01',
  '2106-01-01',
  '2106-02-07T06:28:16Z',
  '2149-06-07',
  '2162-02-07',
  '2200-01-01',
  '9999-12-31',
  '10000-01-01',
  '2026-01-31 ',
  ' 2026-01-31',
  '2026-01-31\n',
  '2026-01-31\u0000',
  '2026-01-31T',
  '2026-01-31T10',
  '2026-01-31T10:00',
  '2026-01-31T10:00:00',
  '2026-01-31T24:00:00Z',
  '2026-01-31T24:00:01Z',
  '2026-01-31T25:00:00Z',
  '2026-01-31T10:60:00Z',
  '2026-01-31T10:00:61Z',
  '2026-13-01T10:00:00Z',
  '2026-02-30T10:00:00Z',
  '2026-01-31T10:00:00+24:00',
  '2026-01-31T10:00:00+99:99',
  '2026-01-31T10:00:00-00:60',
  '2026-01-31T10:00:00.Z',
  `2026-01-31T10:00:00.${'9'.repeat(400)}Z`,
  '2026-01-31T10:00:00ZZ',
  '1970-01-01T00:00:00+23:59',
  '8640000000000001',
  '-8640000000000001',
  '9007199254740993',
  '31/01/2026',
  'Sat, 31 Jan 2026 10:00:00 GMT',
  '2026-W05-6',
  '2026-031',
  '２０２６-０１-３１',
  '٢٠٢٦-٠١-٣١',
  '2026‐01‐31',
  '2026-01-31\u2028',
  "2026-01-31' OR '1'='1",
  '{from:Date}',
  '2026-01-31'.repeat(1_000),
  '9'.repeat(8_000),
];

/** Times that are good ones, at the ends of what is taken and of what the columns of the store can hold. */
const extremeTexts = [
  '1970-01-01',
  '1970-01-01T00:00:00Z',
  '1970-01-02',
  '2000-02-29',
  '2105-12-31',
  '2105-12-31T23:59:59.999999999Z',
  '2106-01-01T23:58:59+23:59',
  '2016-12-31t23:59:59z',
];

let store: QueryStore;
let api: QueryApi;

beforeAll(async () => {
  store = await openQueryStore();
  const common = {
    tenant: 'acme',
    agent_id: 'api-agent',
    run_id: 'api-run',
    task_id: 'api-task',
    engagement_id: 'api-engagement',
    received: nowMs,
  };
  await store.insert([
    { ...common, type: 'task.failed', ts: nowMs - 1, error_category: 'tool', error_code: 'timeout' },
    { ...common, type: 'run.completed', ts: nowMs },
  ]);
  const clock = new FakeClock(nowMs);
  api = createQueryApi({
    store: store.reader,
    memory: store.memory,
    exporter: store.exporter,
    finalizer: finalizerOf(store),
    clock,
  });
});

function finalizerOf({ writer }: QueryStore): RollupDayFinalizer {
  const counter = { inc: () => {} };
  return new RollupDayFinalizer(
    {
      store: writer,
      delivery: { whileHeld: (work) => work() },
      undeliveredSinceMs: () => null,
      clock: systemClock,
      nextToken: createInsertToken(systemClock, seededRandom(3)),
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
}

afterAll(async () => {
  await store.close();
});

function documentOf(): ApiDocument {
  return new ApiDocument(openApiDocument(api.routes, { version: '1.0.0', sockets: [] }) as unknown as OpenApi);
}

function isTime({ schema }: DocumentParameter): boolean {
  const formats = [schema.format, ...(schema.anyOf ?? []).map(({ format }) => format)];
  return formats.some((format) => format === 'date' || format === 'date-time');
}

interface TimeParameter {
  readonly operation: ApiCallable;
  readonly parameter: DocumentParameter;
  ask(text: string): Promise<Answer>;
}

/** Every parameter of the API that is a date or a time, in a query or in a path. */
function timeParameters(): TimeParameter[] {
  return documentOf().operations.flatMap((operation) =>
    (operation.parameters ?? []).filter(isTime).map((parameter) => {
      const { name, in: place } = parameter;
      const send = operation.method === 'get' ? api.get : api.post;
      const ask = (text: string) => {
        const { target } = preparedCall(operation, place === 'query' ? { [name]: text } : {}, { [name]: text });
        return send('acme', target);
      };
      return { operation, parameter, ask };
    }),
  );
}

async function faultsOf(texts: readonly string[], fault: (answer: Answer, name: string) => string | null) {
  const faults: string[] = [];
  for (const { operation, parameter, ask } of timeParameters()) {
    for (const text of texts) {
      // A part of a path that is empty is another path.
      if (text === '' && parameter.in === 'path') continue;
      const answer = await ask(text);
      const found = fault(answer, parameter.name);
      if (found !== null) faults.push(`${operation.name} ${parameter.name}=${text.slice(0, 40)}: ${found}`);
    }
  }
  return faults;
}

test('the parameters that are times are those of every endpoint that takes one', () => {
  const names = timeParameters().map(({ operation, parameter }) => `${operation.path} ${parameter.name}`);
  expect(names).toContain('/api/v1/metrics/export to');
  expect(names).toContain('/api/v1/maintenance/days/{day} day');
  expect(names.length).toBeGreaterThan(15);
});

test('whatever is no time is refused with the name of the parameter and what it should be', async () => {
  const faults = await faultsOf(hostileTexts, ({ status, body, text }, name) => {
    const errors = (body.errors ?? []) as { readonly path: string; readonly message: string }[];
    const named = errors.some(({ path, message }) => path === name && /^expected .*date/.test(message));
    return status === 400 && named && text.length < 1_000 ? null : `${status} ${text.slice(0, 300)}`;
  });
  expect(faults).toEqual([]);
});

test('times at the ends of what can be told are answered or refused, and never a failure', async () => {
  const faults = await faultsOf(extremeTexts, ({ status, text }) => {
    return status === 200 || status === 400 ? null : `${status} ${text.slice(0, 300)}`;
  });
  expect(faults).toEqual([]);
});

const extremeEnds = ['1970-01-01', '1970-01-02', '2105-12-31', '2105-12-31T23:59:59.999999999Z'];

test('a range of extreme times at both ends is answered or refused', async () => {
  const ranged = documentOf().operations.flatMap((operation) => {
    const names = (operation.parameters ?? []).filter((parameter) => isTime(parameter)).map(({ name }) => name);
    return operation.method === 'get' && names.length === 2 ? [{ operation, names }] : [];
  });
  const faults: string[] = [];
  for (const { operation, names } of ranged) {
    for (const from of extremeEnds) {
      for (const to of extremeEnds) {
        const { target } = preparedCall(operation, { [names[0]!]: from, [names[1]!]: to });
        const { status, text } = await api.get('acme', target);
        if (status !== 200 && status !== 400) faults.push(`${target}: ${status} ${text.slice(0, 300)}`);
      }
    }
  }
  expect(ranged.length).toBeGreaterThan(5);
  expect(faults).toEqual([]);
});

/** Times of a cursor, in ms, which nobody's answer held. */
const cursorTimes = [
  0,
  -1,
  -8.64e15,
  8.64e15,
  8.64e15 + 1,
  Number.MAX_SAFE_INTEGER,
  Number.MIN_SAFE_INTEGER,
  2 ** 60,
  1e300,
  1.5,
  253_402_300_800_000,
  '2026-01-31',
  null,
];

test('a cursor made by hand with any time in it is a page or refused', async () => {
  const listed = documentOf().operations.filter(({ parameters = [] }) =>
    parameters.some(({ name }) => name === 'cursor'),
  );
  const faults: string[] = [];
  for (const operation of listed) {
    for (const timeMs of cursorTimes) {
      for (const rest of [['x'], ['1', 0], []]) {
        const cursor = encodePageCursor([timeMs as number, ...rest]);
        const { status, body, text } = await api.get('acme', preparedCall(operation, { cursor }).target);
        const isNamed = status === 400 && JSON.stringify(body.errors).includes('next_cursor');
        if (status !== 200 && !isNamed) faults.push(`${operation.name} ${timeMs}: ${status} ${text.slice(0, 300)}`);
      }
    }
  }
  expect(listed.length).toBeGreaterThan(4);
  expect(faults).toEqual([]);
});
