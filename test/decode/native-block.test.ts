import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { crc32 } from 'node:zlib';
import { drainPending, Session } from 'chdb';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { epochMs } from '../../src/core/epoch-time.js';
import { type EventField, eventFields, rawColumns } from '../../src/core/event-schema.js';
import { terminalTypes } from '../../src/core/event-types.js';
import { createEventSchema } from '../../src/core/event-zod.js';
import { createBatchDecoder } from '../../src/decode/decode-batch.js';
import { readNativeBlock } from '../fuzz/native-block-reader.js';
import { defaultFrameLimits } from '../support/default-config.js';
import { seededRandom, testSeed } from '../support/seeded-random.js';
import { removeOnExit } from './engine-directory.js';
import { createBatch, randomEvent, receivedMs, type SentEvent } from './random-events.js';

const directory = removeOnExit();
let session: Session;
beforeAll(() => {
  session = new Session(join(directory, 'engine'));
});
afterAll(async () => {
  await drainPending();
  session.close();
});

/** Beyond what a number of JSON holds. */
const hashColumns = new Map(
  (eventFields as readonly EventField[])
    .filter(({ kind }) => kind === 'hash')
    .map(({ name }) => [name, `leftPad(lower(hex(${name})), 16, '0') AS ${name}`]),
);

const structure = rawColumns.map(({ name, column }) => `${name} ${column.replaceAll("'", "\\'")}`).join(', ');

/** As rows are compared: times as numbers, hashes as digits. */
const readColumns = rawColumns.map(({ name, column }) =>
  column.includes('DateTime64') ? `toUnixTimestamp64Milli(${name}) AS ${name}` : (hashColumns.get(name) ?? name),
);
const readSettings = 'SETTINGS output_format_json_quote_64bit_integers = 0';

function rowsIn(text: string): SentEvent[] {
  const lines = text.split('\n').filter((line) => line !== '');
  return lines.map((line) => JSON.parse(line) as SentEvent);
}

/** What an insert into the raw table reads from a block. */
async function readBlock(block: Uint8Array): Promise<SentEvent[]> {
  const path = join(directory, 'block.native');
  writeFileSync(path, block);
  const sql = `SELECT ${readColumns.join(', ')} FROM file('${path}', 'Native', '${structure}') ${readSettings}`;
  return rowsIn((await session.queryAsync(sql, { format: 'JSONEachRow' })).text());
}

/** The row of an event, worked out from the schema the plain way. */
function expectedRow(event: SentEvent, tenant: string): SentEvent {
  const row: SentEvent = { tenant, received: receivedMs, conflicting_end: 0 };
  for (const field of eventFields as readonly EventField[]) row[field.name] = expectedValue(field, event[field.name]);
  const { skewPastMs, skewFutureMs } = defaultFrameLimits;
  const ts = Number(row.ts ?? receivedMs);
  row.ts = Math.min(receivedMs + skewFutureMs, Math.max(receivedMs - skewPastMs, ts));
  const isEnd = (terminalTypes as readonly unknown[]).includes(row.type);
  const endedMs = row.ended_at ?? (isEnd ? row.ts : null);
  if (row.duration_ms === null && row.started_at !== null && endedMs !== null) {
    const elapsedMs = Number(endedMs) - Number(row.started_at);
    if (elapsedMs >= 0 && elapsedMs <= 1e12) row.duration_ms = elapsedMs;
  }
  if (row.cost_micros !== null && row.cost_source === '') row.cost_source = 'reported';
  return row;
}

function expectedValue(field: EventField, value: unknown): unknown {
  switch (field.kind) {
    case 'string':
      return field.truncate
        ? Array.from(String(value ?? ''))
            .slice(0, field.charactersMax)
            .join('')
        : (value ?? '');
    case 'time':
      if (value == null) return null;
      return typeof value === 'number' ? epochMs(value) : Date.parse(String(value));
    case 'hash':
      return (typeof value === 'number' ? value.toString(16) : String(value || '0').toLowerCase()).padStart(16, '0');
    case 'enum':
      return value || Object.keys(field.values!)[0];
    case 'scalar_map':
    case 'string_map':
      return Object.fromEntries(
        Object.entries(value ?? {})
          .filter(([, entry]) => entry !== null)
          .map(([key, entry]) => [key, String(entry)]),
      );
    case 'string_list':
      return value ?? [];
    default:
      if (value == null) return field.column.startsWith('Nullable') ? null : 0;
      return value;
  }
}

test('the engine reads back every value of random events, over several batches of one decoder', async () => {
  const seed = testSeed(11);
  const random = seededRandom(seed);
  const schema = createEventSchema({ contentAllowed: false });
  const decoder = createBatchDecoder({ ...defaultFrameLimits, frameBytesMax: 100_000_000 });
  for (const [rows, density] of [
    [1, 0.5],
    [300, 0.5],
    [5_000, 0.1],
    [40, 0.9],
    [300, 0],
  ] as const) {
    const events = Array.from({ length: rows }, () => randomEvent(random, density));
    const middle = Math.floor(rows / 2);
    const batch = createBatch([
      { body: events.slice(0, middle), tenant: 'acme' },
      { body: events.slice(middle), tenant: 'globex' },
    ]);
    const decoded = decoder.decode(middle === 0 ? createBatch([{ body: events, tenant: 'globex' }]) : batch);
    const expected = events.flatMap((event, index) =>
      schema.safeParse(event).success ? [expectedRow(event, index < middle ? 'acme' : 'globex')] : [],
    );
    expect(decoded.rowCount, `seed ${seed}`).toBe(expected.length);
    // Where cells may still be filled there is no sum yet.
    expect(decoded.rowsCrc ?? crc32(decoded.rows)).toBe(crc32(decoded.rows));
    // A buffer that holds something else is as good as a new one.
    const spare = new ArrayBuffer(decoded.rows.length + 100);
    new Uint8Array(spare).fill(0xff);
    const again = decoder.decode({ ...batch, ...(middle === 0 ? { frames: [] } : {}), bytes: batch.bytes, spare });
    if (middle > 0) {
      expect(again.rows.buffer).toBe(spare);
      expect(Buffer.from(again.rows).equals(decoded.rows)).toBe(true);
    }
    const read = await readBlock(decoded.rows);
    expect(read.length, `seed ${seed}`).toBe(expected.length);
    read.forEach((row, index) => {
      // The texts are compared first: 20 times faster than toEqual, which is left to say what differs.
      if (JSON.stringify(row) === JSON.stringify(expected[index])) return;
      expect(row, `seed ${seed}, row ${index}`).toEqual(expected[index]);
    });
  }
});

test('an insert of blocks with other columns each gives every row its values', async () => {
  const random = seededRandom(testSeed(3));
  const schema = createEventSchema({ contentAllowed: false });
  const decoder = createBatchDecoder({ ...defaultFrameLimits, frameBytesMax: 100_000_000 });
  const batches = [0.9, 0, 0.1, 0.5, 0].map((density) =>
    Array.from({ length: 60 }, () => randomEvent(random, density)).filter((event) => schema.safeParse(event).success),
  );
  const blocks = batches.map((events) => decoder.decode(createBatch([{ body: events }])).rows);
  const widths = blocks.map((block) => readNativeBlock(block).columns.length);
  expect(new Set(widths).size).toBeGreaterThan(1);
  const path = join(directory, 'segment.native');
  writeFileSync(path, Buffer.concat(blocks));
  const names = rawColumns.map(({ name }) => name).join(', ');
  const columns = rawColumns.map(({ name, column }) => `${name} ${column}`).join(', ');
  await session.queryAsync(`CREATE TABLE default.inserted (${columns}) ENGINE = Memory`);
  await session.queryAsync(
    `INSERT INTO default.inserted (${names}) FROM INFILE '${path}' COMPRESSION 'none'
     SETTINGS max_insert_block_size = 1000000, min_insert_block_size_rows = 1000000, async_insert = 0 FORMAT Native`,
  );
  const sql = `SELECT ${readColumns.join(', ')} FROM default.inserted ${readSettings}`;
  const read = rowsIn((await session.queryAsync(sql, { format: 'JSONEachRow' })).text());
  expect(read).toEqual(batches.flat().map((event) => expectedRow(event, 'default')));
});

test('live events of a batch without maps and lists have none of the batch before', () => {
  const decoder = createBatchDecoder(defaultFrameLimits);
  const filters = JSON.stringify([{ group: 0, tenant: 'default', agents: [], runs: [], types: [] }]);
  const told = (events: readonly SentEvent[]) => {
    const { live } = decoder.decode({ ...createBatch([{ body: events }]), live: { version: 1, filters } });
    return JSON.parse(`[${Buffer.from(live?.json ?? []).toString()}]`) as SentEvent[];
  };
  const event = { type: 'log', agent_id: 'a' };
  const full = { ...event, labels: { region: 'eu', team: 'x' }, evidence: ['r1', 'r2'] };
  expect(told([full, event, full]).map(({ labels }) => labels)).toEqual([full.labels, undefined, full.labels]);
  const later = told([event, event, event]);
  expect(later).toHaveLength(3);
  for (const { labels, evidence } of later) expect([labels, evidence]).toEqual([undefined, undefined]);
});

test('the engine reads dictionaries of more keys than a byte and than two bytes can index', async () => {
  const decoder = createBatchDecoder({ ...defaultFrameLimits, eventsPerFrameMax: 100_000, frameBytesMax: 100_000_000 });
  for (const agents of [255, 256, 65_536]) {
    const rows = Array.from({ length: agents }, (_, agent) => ['log', `agent-${agent}`, { [`key-${agent}`]: 'v' }]);
    const body = { seq: 1, columns: ['type', 'agent_id', 'labels'], rows };
    const decoded = decoder.decode(createBatch([{ body }]));
    expect(decoded.rowCount).toBe(agents);
    const path = join(directory, 'many.native');
    writeFileSync(path, decoded.rows);
    const sql = `SELECT uniqExact(agent_id), countIf(labels[concat('key-', substring(agent_id, 7))] = 'v'),
      groupBitXor(sipHash64(agent_id)) = (
        SELECT groupBitXor(sipHash64(concat('agent-', toString(number)))) FROM numbers(${agents}))
      FROM file('${path}', 'Native')`;
    const result = await session.queryAsync(sql, { format: 'TSV' });
    expect(result.text().trim()).toBe(`${agents}\t${agents}\t1`);
  }
});

test('a block has the columns that its rows set, and those that are filled afterwards', async () => {
  const decoder = createBatchDecoder(defaultFrameLimits);
  const namesOf = (frames: readonly SentEvent[][], malformed: readonly number[] = []) => {
    const batch = createBatch(
      frames.map((events, index) => {
        const bytes = new Uint8Array(createBatch([{ body: events }]).bytes);
        return { body: malformed.includes(index) ? bytes.slice(0, -1) : bytes };
      }),
    );
    return readNativeBlock(decoder.decode(batch).rows).columns.map(({ name }) => name);
  };
  const event = { type: 'log', agent_id: 'a' };
  // Of `event`, and what every row has: the collector's own, the time and the attempt.
  const always = ['tenant', 'received', 'type', 'agent_id', 'ts', 'started_at', 'duration_ms'];
  expect(namesOf([[event]])).toEqual(expect.arrayContaining(always));
  const least = new Set(namesOf([[event]]));
  expect(least.size).toBeLessThan(12);
  for (const [name, value] of [
    ['message', 'm'],
    ['labels', { region: 'eu' }],
    ['evidence', ['r1']],
    ['feedback_score', 1],
    ['args_hash', '00000000000000ff'],
  ] as const) {
    const names = namesOf([[event], [{ ...event, [name]: value }], [event]]);
    expect(names.filter((found) => !least.has(found))).toEqual([name]);
    expect(namesOf([[event], [{ ...event, [name]: value }], [event]], [1])).toEqual([...least]);
  }
});

test('a malformed frame leaves no trace between two good ones', async () => {
  const random = seededRandom(5);
  const decoder = createBatchDecoder({ ...defaultFrameLimits, frameBytesMax: 100_000_000 });
  const good = Array.from({ length: 50 }, () => randomEvent(random));
  const other = Array.from({ length: 5_000 }, (_, index) => ({
    ...randomEvent(random),
    agent_name: `secret-${index}`,
  }));
  const schema = createEventSchema({ contentAllowed: false });
  const valid = good.filter((event) => schema.safeParse(event).success);
  const bad = createBatch([{ body: other }]);
  const batch = createBatch([
    { body: valid },
    { body: new Uint8Array(bad.bytes).slice(0, -1), tenant: 'nobody' },
    { body: valid },
  ]);
  const decoded = decoder.decode(batch);
  expect(decoded.frames.map(({ fault }) => fault?.code)).toEqual([undefined, 'frame_malformed', undefined]);
  expect(decoded.frames[1]).toMatchObject({ events: 0, accepted: 0, rows: 0, rejected: 0 });
  const read = await readBlock(decoded.rows);
  expect(read).toEqual([...valid, ...valid].map((event) => expectedRow(event, 'default')));
  expect(Buffer.from(decoded.rows).includes('secret-')).toBe(false);
  expect(decoded.slices.reduce((sum, { completed }) => sum + completed, 0)).toBe(
    2 * valid.filter(({ type }) => type === 'task.completed').length,
  );
  // An end without an id is known by what it says.
  const isEnd = (event: SentEvent) => (terminalTypes as readonly unknown[]).includes(event.type);
  expect(decoded.eventIds?.low.length).toBe(
    2 * valid.filter((event) => (event.event_id != null && event.event_id !== '') || isEnd(event)).length,
  );
});
