import { setTimeout } from 'node:timers/promises';
import { expect, onTestFinished, test } from 'vitest';
import { systemClock } from '../../src/core/clock.js';
import type { FrameBatch } from '../../src/core/event-batch.js';
import { silentLogger } from '../../src/core/logger.js';
import { createBatchDecoder } from '../../src/decode/decode-batch.js';
import { createDecodePool, type DecodePool, type DecodePoolOptions } from '../../src/decode/decode-pool.js';
import { defaultFrameLimits } from '../support/default-config.js';
import { FakeClock } from '../support/fake-clock.js';
import { seededRandom } from '../support/seeded-random.js';
import { createBatch, randomEvent } from './random-events.js';

const crashing = new URL('./crashing-worker.mjs', import.meta.url);

const poolOptions = { threads: 2, queueMax: 4, batchBytesMax: 1_048_576, limits: defaultFrameLimits };

interface Rig {
  readonly pool: DecodePool;
  readonly counts: { batches: number; rows: number; restarts: number; rowsCopied: number; listsCopied: number };
}

async function startPool(options: Partial<DecodePoolOptions> = {}): Promise<Rig> {
  const counts = { batches: 0, rows: 0, restarts: 0, rowsCopied: 0, listsCopied: 0 };
  const instruments = {
    batchSeconds: { observe: () => void counts.batches++ },
    batchRows: {
      observe: (rows: number) => {
        counts.rows += rows;
      },
    },
    workerRestarts: { inc: () => void counts.restarts++ },
    copied: { inc: ({ part }: { part: 'rows' | 'lists' }) => void counts[`${part}Copied`]++ },
  };
  const deps = { logger: silentLogger, instruments, clock: systemClock };
  const pool = createDecodePool(deps, { ...poolOptions, ...options });
  onTestFinished(() => pool.stop(1_000));
  await pool.start();
  return { pool, counts };
}

const random = seededRandom(2);
const events = Array.from({ length: 300 }, () => randomEvent(random));
const createEvents = (tenant = 'default') =>
  createBatch([
    { body: { seq: 1, events }, tenant },
    { body: 'x', format: 'json' },
  ]);

/** The batch with its bytes in memory that threads share, as ingest has them. */
function shared(batch: FrameBatch): FrameBatch {
  const bytes = new SharedArrayBuffer(batch.bytes.byteLength);
  new Uint8Array(bytes).set(new Uint8Array(batch.bytes));
  return { ...batch, bytes };
}

test('a pool answers what the decoder answers, and leaves the bytes where they are', async () => {
  const { pool, counts } = await startPool();
  for (const isShared of [true, false]) {
    const batch = isShared ? shared(createEvents()) : createEvents();
    const sent = Buffer.from(new Uint8Array(batch.bytes));
    const expected = createBatchDecoder(defaultFrameLimits).decode(createEvents());
    const decoded = await pool.decode(batch);
    expect(decoded.bytes).toBe(batch.bytes);
    expect(Buffer.from(batch.bytes).equals(sent)).toBe(true);
    expect({ ...decoded, bytes: null, side: null }).toEqual({ ...expected, bytes: null, side: null });
    expect(decoded.slices.length).toBeGreaterThan(0);
    expect((await pool.decode(batch)).rowsCrc).toBe(decoded.rowsCrc);
  }
  expect(counts.batches).toBe(4);
  expect(counts.restarts).toBe(0);
});

test('rows that are given back leave no trace in those written to their buffer', async () => {
  const { pool } = await startPool({ threads: 1 });
  const bodies = Array.from({ length: 12 }, (_, index) => ({ body: { seq: index + 1, events } }));
  const decode = () => pool.decode(createBatch(bodies));
  const { rows, rowsCrc, rowCount } = await decode();
  const copy = Buffer.from(rows);
  pool.takeBack(rows);
  const small = await pool.decode(createEvents());
  // They lie where the others lay.
  expect(Buffer.from(rows.subarray(0, small.rows.length))).toEqual(Buffer.from(small.rows));
  expect(Buffer.from(small.rows)).toEqual(
    Buffer.from(createBatchDecoder(defaultFrameLimits).decode(createEvents()).rows),
  );
  pool.takeBack(small.rows);
  const again = await decode();
  expect([again.rowsCrc, again.rowCount]).toEqual([rowsCrc, rowCount]);
  expect(copy.equals(again.rows)).toBe(true);
});

test('lists that are given back leave no trace in those written to their buffer', async () => {
  const { pool } = await startPool({ threads: 1 });
  const bodies = Array.from({ length: 16 }, (_, index) => ({ body: { seq: index + 1, events } }));
  const large = () => createBatch(bodies);
  const alone = createBatchDecoder(defaultFrameLimits);
  for (const create of [large, createEvents, large, large]) {
    const { eventIds, lifecycle, work, side } = await pool.decode(create());
    expect(side).toBeInstanceOf(SharedArrayBuffer);
    expect(eventIds?.low.buffer).toBe(side);
    expect(work.attempts.buffer).toBe(side);
    const expected = alone.decode(create());
    expect({ eventIds, lifecycle, work }).toEqual({
      eventIds: expected.eventIds,
      lifecycle: expected.lifecycle,
      work: expected.work,
    });
    pool.takeBackSide(side!);
  }
});

test('what finds no room in the shared buffers, or no buffer, is copied, says the same and is counted', async () => {
  const few = () => createBatch([{ body: { seq: 1, events: events.slice(0, 20) } }]);
  const { pool: small, counts: ofSmall } = await startPool({ threads: 1, batchBytesMax: 64 });
  const { pool, counts } = await startPool({ threads: 1, queueMax: 64 });
  const expected = createBatchDecoder(defaultFrameLimits).decode(few());
  const answers = await Promise.all(Array.from({ length: 50 }, () => pool.decode(few())));
  const isShared = answers.map(({ rows }) => rows.buffer instanceof SharedArrayBuffer);
  expect([isShared[0], isShared.at(-1), answers.at(-1)?.side]).toEqual([true, false, null]);
  for (const decoded of [...answers, await small.decode(few()), await small.decode(few())]) {
    expect({ ...decoded, bytes: null, side: null }).toEqual({ ...expected, bytes: null, side: null });
  }
  // One buffer of each kind for the thread, and 24 beside it.
  expect(counts).toMatchObject({ batches: 50, rowsCopied: 25, listsCopied: 25 });
  expect(ofSmall).toMatchObject({ batches: 2, rowsCopied: 2, listsCopied: 2 });
  // Those that are given back serve again.
  for (const { rows, side } of answers) {
    pool.takeBack(rows);
    if (side !== null) pool.takeBackSide(side);
  }
  expect((await pool.decode(few())).rows.buffer).toBeInstanceOf(SharedArrayBuffer);
});

test('limits reach the threads', async () => {
  const { pool } = await startPool({ limits: { ...defaultFrameLimits, eventsPerFrameMax: 10 } });
  const decoded = await pool.decode(createEvents());
  expect(decoded.frames[0]?.fault?.code).toBe('frame_too_many_events');
});

test('more batches than threads and queue hold are refused as overloaded, and the others are answered', async () => {
  const { pool } = await startPool({ threads: 1, queueMax: 2 });
  expect(pool.idleWorkers()).toBe(1);
  const outcomes = Promise.allSettled(Array.from({ length: 5 }, () => pool.decode(createEvents())));
  expect(pool.idleWorkers()).toBe(0);
  expect(pool.usage().queueDepth).toBe(2);
  const codes = (await outcomes).map((outcome) => (outcome.status === 'rejected' ? outcome.reason.code : 'answered'));
  expect(codes).toEqual(['answered', 'answered', 'answered', 'overloaded', 'overloaded']);
  expect(pool.idleWorkers()).toBe(1);
});

test('a thread that dies rejects its batch as internal and is replaced', async () => {
  const { pool, counts } = await startPool({ workerFile: crashing });
  expect(pool.health().status).toBe('healthy');
  for (let round = 1; round <= 2; round++) {
    await expect(pool.decode(createEvents('crash'))).rejects.toMatchObject({ code: 'internal' });
    const decoded = await Promise.all([pool.decode(createEvents()), pool.decode(createEvents())]);
    expect(decoded.map(({ rowCount }) => rowCount > 0)).toEqual([true, true]);
    while (counts.restarts < round) await setTimeout(5);
  }
  expect(pool.health()).toMatchObject({ status: 'healthy', details: { workers: 2, restarts: 2, batchesInFlight: 0 } });
});

test('an error in a thread rejects the batch as internal and the thread goes on', async () => {
  const { pool, counts } = await startPool({ threads: 1, workerFile: crashing });
  await expect(pool.decode(createEvents('throw'))).rejects.toMatchObject({ code: 'internal' });
  expect((await pool.decode(createEvents())).rowCount).toBeGreaterThan(0);
  expect(counts.restarts).toBe(0);
});

test('stop answers what is under way, is safe to repeat, and nothing is decoded before start or after it', async () => {
  const { pool } = await startPool();
  const pending = pool.decode(createEvents());
  const stopped = pool.stop(5_000);
  expect((await pending).rowCount).toBeGreaterThan(0);
  await stopped;
  await pool.stop(5_000);
  await expect(pool.decode(createEvents())).rejects.toMatchObject({ code: 'stopping' });
  expect(pool.health()).toMatchObject({ status: 'unhealthy', reason: '0 of 2 decoding threads are running.' });
  const [unseen, uncounted] = [{ observe() {} }, { inc() {} }];
  const deps = {
    logger: silentLogger,
    instruments: { batchSeconds: unseen, batchRows: unseen, workerRestarts: uncounted, copied: uncounted },
    clock: new FakeClock(),
  };
  const unused = createDecodePool(deps, { ...poolOptions, threads: 1, queueMax: 1 });
  await expect(unused.decode(createEvents())).rejects.toMatchObject({ code: 'stopping' });
  await unused.stop(0);
});

test('a worker file that cannot be loaded fails the start', async () => {
  await expect(startPool({ workerFile: new URL('./nowhere.mjs', import.meta.url) })).rejects.toMatchObject({
    code: 'internal',
  });
});
