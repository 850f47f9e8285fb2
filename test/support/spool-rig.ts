import { crc32 } from 'node:zlib';
import type { EventIdList } from '../../src/core/event-batch.js';
import type { SpoolInstruments } from '../../src/core/instruments.js';
import { silentLogger } from '../../src/core/logger.js';
import type { EventIdSink } from '../../src/core/ports/event-id-sink.js';
import type { SpoolBatch, SpoolFrame } from '../../src/core/ports/spool-appender.js';
import type { FileSystem } from '../../src/spool/file-system.js';
import type { Spool, SpoolDeps } from '../../src/spool/spool.js';
import { createSpool } from '../../src/spool/spool.js';
import type { SpoolOptions } from '../../src/spool/spool-options.js';
import { defaultSpoolLimits } from './default-config.js';
import { FakeClock } from './fake-clock.js';
import { FaultyFileSystem } from './faulty-file-system.js';

/** Instruments that add up what they are told: `total('segmentsClosed', 'age')`. */
export class SpoolTotals {
  readonly #totals = new Map<string, number>();
  readonly instruments: SpoolInstruments = {
    eventsRecovered: this.#plain('eventsRecovered'),
    bytesWritten: this.#plain('bytesWritten'),
    syncSeconds: this.#histogram('syncSeconds'),
    syncFailures: this.#plain('syncFailures'),
    syncGroupBatches: this.#histogram('syncGroupBatches'),
    segmentsClosed: this.#labelled('segmentsClosed'),
    segmentsQuarantined: this.#labelled('segmentsQuarantined'),
    eventsQuarantined: this.#plain('eventsQuarantined'),
    tornBytes: this.#plain('tornBytes'),
    producersForgotten: this.#plain('producersForgotten'),
    eventIdsRestored: this.#plain('eventIdsRestored'),
  };

  total(name: keyof SpoolInstruments, label = ''): number {
    return this.#totals.get(`${name}:${label}`) ?? 0;
  }

  #add(key: string, count: number): void {
    this.#totals.set(key, (this.#totals.get(key) ?? 0) + count);
  }

  #plain(name: string) {
    return { inc: (count = 1) => this.#add(`${name}:`, count) };
  }

  #labelled(name: string) {
    return {
      inc: (labels: Readonly<Record<'reason', string>>, count = 1) => this.#add(`${name}:${labels.reason}`, count),
    };
  }

  #histogram(name: string) {
    return { observe: () => this.#add(`${name}:`, 1) };
  }
}

export interface BatchShape {
  readonly rows?: number;
  readonly bytes?: number;
  readonly fill?: number;
  /** The rows themselves, instead of `bytes` and `fill`. */
  readonly content?: Buffer;
  readonly receivedMs?: number;
  readonly frames?: readonly Partial<SpoolFrame>[];
  /** Low halves of event ids; the high halves are 1 more. */
  readonly eventIds?: readonly number[];
}

/** A batch whose rows are `bytes` bytes of `fill`; one frame of producer `p` unless others are given. */
export function spoolBatch(shape: BatchShape = {}): SpoolBatch {
  const { rows: rowCount = 1, fill = 7, receivedMs = Date.UTC(2026, 0, 15, 12), frames = [{}] } = shape;
  const rows = shape.content ?? Buffer.alloc(shape.bytes ?? rowCount * 10, fill);
  return {
    rows,
    rowCount,
    rowsCrc: crc32(rows),
    receivedMs,
    eventIds: shape.eventIds === undefined ? null : eventIdList(shape.eventIds),
    frames: frames.map((frame) => ({ tenant: 'acme', producer: 'p', seq: 1, rows: rowCount, ...frame })),
  };
}

function eventIdList(ids: readonly number[]): EventIdList {
  return { low: Uint32Array.from(ids), high: Uint32Array.from(ids, (id) => id + 1) };
}

/** Remembers what it is told, in order; the spool's counterpart for event ids. */
export class EventIdNotes implements EventIdSink {
  readonly restored: number[] = [];
  forgottenCount = 0;

  restore({ low, high }: EventIdList): number {
    low.forEach((id, index) => {
      if (high[index] !== id + 1) throw new Error(`the halves of event id ${id} do not belong together`);
      this.restored.push(id);
    });
    return low.length;
  }

  forgotten(count: number): void {
    this.forgottenCount += count;
  }
}

export interface SpoolRig<Disk extends FileSystem = FaultyFileSystem> {
  readonly spool: Spool;
  readonly disk: Disk;
  readonly clock: FakeClock;
  readonly totals: SpoolTotals;
  readonly eventIds: EventIdNotes;
}

export const spoolDirectory = '/spool';

/** A started spool on a disk in memory, with groups that go at once. */
export async function startSpool(
  options: Partial<SpoolOptions> = {},
  disk = new FaultyFileSystem(),
  more: Partial<Pick<SpoolDeps, 'wasOffered' | 'logger'>> = {},
): Promise<SpoolRig> {
  return await startSpoolOn(disk, { directory: spoolDirectory, ...options }, new FakeClock(), more);
}

export async function startSpoolOn<Disk extends FileSystem>(
  ...args: Parameters<typeof createSpoolOn<Disk>>
): Promise<SpoolRig<Disk>> {
  const rig = createSpoolOn(...args);
  await rig.spool.start();
  return rig;
}

/** Not yet started. */
export function createSpoolOn<Disk extends FileSystem>(
  disk: Disk,
  options: Partial<SpoolOptions> & Pick<SpoolOptions, 'directory'>,
  clock = new FakeClock(),
  more: Partial<Pick<SpoolDeps, 'wasOffered' | 'logger'>> = {},
): SpoolRig<Disk> {
  const totals = new SpoolTotals();
  const eventIds = new EventIdNotes();
  const deps = { fileSystem: disk, clock, logger: silentLogger, instruments: totals.instruments, eventIds, ...more };
  const spool = createSpool(deps, {
    ...defaultSpoolLimits,
    groupAgeMsMax: 0,
    segmentAgeMsMin: 500,
    producersMax: 10_000,
    ...options,
  });
  return { spool, disk, clock, totals, eventIds };
}

/** Appends and waits until it is durable. */
export async function append(spool: Spool, shape: BatchShape = {}): Promise<void> {
  await mustAppend(spool, spoolBatch(shape));
}

export function mustAppend(spool: Spool, batch: SpoolBatch): Promise<void> {
  const outcome = spool.tryAppend(batch);
  if (outcome.status !== 'appended') throw new Error(`the spool answered ${outcome.status}`);
  return outcome.durable;
}

/** Lets promises and, on a real disk, short operations finish. */
export async function settle(rounds = 20): Promise<void> {
  for (let round = 0; round < rounds; round++) await new Promise((resolve) => setImmediate(resolve));
}
