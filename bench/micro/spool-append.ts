import { randomFillSync } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { crc32 } from 'node:zlib';
import { readConfig } from '../../src/config/read-config.js';
import { systemClock } from '../../src/core/clock.js';
import { invariant } from '../../src/core/invariant.js';
import { silentLogger } from '../../src/core/logger.js';
import type { SpoolBatch } from '../../src/core/ports/spool-appender.js';
import { nodeFileSystem } from '../../src/spool/file-system.js';
import { createSpool, type Spool } from '../../src/spool/spool.js';
import type { MicroResult } from '../budget.js';

interface SpoolFigure {
  readonly name: string;
  readonly unit: 'events/CPU-s';
  readonly opsPerCpuSecond: number;
  /** Wall time, on a disk and processors shared with others. */
  readonly eventsPerSecond: number;
  readonly megabytesPerSecond: number;
  readonly batchesPerSync: number;
  readonly syncMsMean: number;
}

interface Load {
  readonly name: string;
  readonly rows: number;
  readonly bytes: number;
  readonly frames: number;
  readonly batches: number;
  /** Batches that are appended and not yet durable, at most. */
  readonly pending: number;
}

const loads: readonly Load[] = [
  { name: '4,000 rows, 1 MB, 40 frames', rows: 4_000, bytes: 1_000_000, frames: 40, batches: 400, pending: 8 },
  { name: '4,000 rows, 1 MB, 4,000 frames', rows: 4_000, bytes: 1_000_000, frames: 4_000, batches: 200, pending: 8 },
  { name: '10 rows, 2.5 kB, 1 frame', rows: 10, bytes: 2_500, frames: 1, batches: 40_000, pending: 400 },
];

/** Batch to durable to released, through real files; CPU time of the whole process, its I/O threads included. */
async function benchSpoolAppend(): Promise<SpoolFigure[]> {
  const figures: SpoolFigure[] = [];
  // The spool's timers do not keep a process alive; in the collector its sockets do.
  const alive = setInterval(() => {}, 60_000);
  for (const load of loads) figures.push(await measure(load));
  clearInterval(alive);
  return figures;
}

export async function measureSpool(): Promise<MicroResult[]> {
  return (await benchSpoolAppend()).flatMap(({ name, unit, opsPerCpuSecond, megabytesPerSecond }) => [
    { name: `spool append, ${name}`, value: opsPerCpuSecond, unit },
    { name: `spool append, ${name}, written`, value: megabytesPerSecond, unit: 'MB/s' },
  ]);
}

async function measure(load: Load): Promise<SpoolFigure> {
  const directory = mkdtempSync(join(tmpdir(), 'tidemark-bench-spool-'));
  const sync = { count: 0, seconds: 0, batches: 0 };
  const spool = openSpool(directory, sync);
  await spool.start();
  const rows = randomFillSync(Buffer.allocUnsafe(load.bytes));
  const rowsCrc = crc32(rows);
  // As many ids as rows: every event has one.
  const eventIdHalf = Uint32Array.from({ length: load.rows }, (_, row) => row);
  const releasing: Promise<void>[] = [];
  spool.onClosed(() => {
    const segment = spool.peek();
    if (segment !== null) releasing.push(spool.release(segment.id));
  });
  const cpuBefore = process.cpuUsage();
  const startedMs = systemClock.monotonicMs();
  const pending: Promise<void>[] = [];
  for (let index = 0; index < load.batches; index++) {
    const outcome = spool.tryAppend({
      ...batchOf(load, index),
      rows,
      rowsCrc,
      eventIds: { low: eventIdHalf, high: eventIdHalf },
    });
    invariant(outcome.status === 'appended', 'the bench fills the spool');
    pending.push(outcome.durable);
    if (pending.length >= load.pending) await pending.shift();
  }
  await Promise.all(pending);
  const elapsedS = (systemClock.monotonicMs() - startedMs) / 1_000;
  await Promise.all(releasing);
  const { user, system } = process.cpuUsage(cpuBefore);
  await spool.stop(10_000);
  rmSync(directory, { recursive: true });
  const events = load.batches * load.rows;
  return {
    name: load.name,
    unit: 'events/CPU-s',
    opsPerCpuSecond: Math.round(events / ((user + system) / 1e6)),
    eventsPerSecond: Math.round(events / elapsedS),
    megabytesPerSecond: Math.round((load.batches * load.bytes) / elapsedS / 1e6),
    batchesPerSync: Math.round((sync.batches / sync.count) * 10) / 10,
    syncMsMean: Math.round((sync.seconds / sync.count) * 1e5) / 100,
  };
}

function batchOf(load: Load, index: number): Omit<SpoolBatch, 'rows' | 'rowsCrc' | 'eventIds'> {
  const frames = Array.from({ length: load.frames }, (_, frame) => ({
    tenant: 'default',
    producer: `agent-host-${frame}-7f3a`,
    seq: index + 1,
    rows: load.rows / load.frames,
  }));
  return { rowCount: load.rows, receivedMs: systemClock.nowMs(), frames };
}

interface SyncTotals {
  count: number;
  seconds: number;
  batches: number;
}

function openSpool(directory: string, sync: SyncTotals): Spool {
  const nothing = { inc: () => {}, observe: () => {} };
  const instruments = {
    eventsRecovered: nothing,
    bytesWritten: nothing,
    syncSeconds: {
      observe(seconds: number) {
        sync.count++;
        sync.seconds += seconds;
      },
    },
    syncFailures: nothing,
    syncGroupBatches: {
      observe(batches: number) {
        sync.batches += batches;
      },
    },
    segmentsClosed: nothing,
    segmentsQuarantined: nothing,
    eventsQuarantined: nothing,
    tornBytes: nothing,
    producersForgotten: nothing,
    eventIdsRestored: nothing,
  };
  const eventIds = { restore: () => 0, forgotten: () => {} };
  const { config } = readConfig({ env: {}, argv: [] });
  const deps = { fileSystem: nodeFileSystem, clock: systemClock, logger: silentLogger, instruments, eventIds };
  return createSpool(deps, {
    ...config.spool,
    eventIdsMax: config.ingest.eventIdsMax,
    directory,
    diskUsedRatioMax: 0.99,
  });
}
