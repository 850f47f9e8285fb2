import { rawColumns } from '../core/event-schema.js';
import type { SpoolBatch } from '../core/ports/spool-appender.js';
import type { FileSystem, OpenFile } from './file-system.js';
import type { SegmentEnd } from './segment-log.js';
import { LogEncoder, segmentTag } from './segment-log.js';
import { segmentPath } from './segment-paths.js';
import { cutAndSeal, encodeEnd } from './segment-repair.js';

export type CloseReason = 'size' | 'rows' | 'age' | 'partition' | 'sync_failed' | 'snapshot' | 'stop';

/** Batches that are written and synced together. */
export interface GroupWrite {
  readonly dataOffset: number;
  readonly logOffset: number;
  /** The rows of each batch, in order; not copied. */
  readonly chunks: readonly Uint8Array[];
  readonly dataBytes: number;
  readonly rows: number;
  /** The log records of the batches. */
  readonly log: LogEncoder;
}

/**
 * The segment that is being written. `place` reserves room at append time; `commit` makes a group durable, one at
 * a time and in order; after a failed commit only `repair` may follow, on descriptors of its own.
 */
export class OpenSegment {
  readonly id: string;
  /** Monotonic; set anew by the first rows. */
  openedMs: number;
  closeReason: CloseReason | null = null;
  /** Groups placed and not yet committed. */
  groupsPending = 0;
  /** Appended, durable or not. */
  dataBytes = 0;
  logBytes: number;
  rows = 0;
  firstReceivedMs: number;
  lastReceivedMs: number;
  durableDataBytes = 0;
  durableLogBytes = 0;
  durableRows = 0;

  readonly #fileSystem: FileSystem;
  readonly #directory: string;
  readonly #tag: number;
  readonly #monthStartMs: number;
  readonly #monthEndMs: number;
  /** Segments before this one whose end this one's header remembers. */
  readonly #ends: readonly OpenSegment[];
  readonly #header = new LogEncoder();
  #data: OpenFile | null = null;
  #log: OpenFile | null = null;

  constructor(
    fileSystem: FileSystem,
    place: {
      readonly directory: string;
      readonly id: string;
      readonly receivedMs: number;
      readonly openedMs: number;
      readonly ends: readonly OpenSegment[];
    },
  ) {
    this.#fileSystem = fileSystem;
    this.#directory = place.directory;
    this.id = place.id;
    this.openedMs = place.openedMs;
    this.firstReceivedMs = place.receivedMs;
    this.lastReceivedMs = place.receivedMs;
    this.#tag = segmentTag(place.id);
    this.#ends = place.ends;
    const month = new Date(place.receivedMs);
    this.#monthStartMs = Date.UTC(month.getUTCFullYear(), month.getUTCMonth());
    this.#monthEndMs = Date.UTC(month.getUTCFullYear(), month.getUTCMonth() + 1);
    // Sizes are fixed width, so the header's length is known before the ends are final.
    this.#encodeHeader();
    this.logBytes = this.#header.length;
  }

  /** The end of what is durable, as later segments must remember it. */
  end(): SegmentEnd {
    return { id: this.id, dataBytes: this.durableDataBytes, logBytes: this.durableLogBytes };
  }

  /** Rows are partitioned by the UTC month of receipt; a segment lies in one partition. */
  holdsMonthOf(receivedMs: number): boolean {
    return receivedMs >= this.#monthStartMs && receivedMs < this.#monthEndMs;
  }

  /** Hot path: once a batch. Encodes its log record and reserves its room in both files. */
  place(batch: SpoolBatch, log: LogEncoder, groupLogOffset: number): void {
    const before = log.length;
    // The header is written with the first group and belongs to it.
    const groupOffset = groupLogOffset === this.#header.length ? 0 : groupLogOffset;
    log.batch(batch, { tag: this.#tag, groupOffset, dataOffset: this.dataBytes });
    this.logBytes += log.length - before;
    this.dataBytes += batch.rows.length;
    this.rows += batch.rowCount;
    if (batch.receivedMs < this.firstReceivedMs) this.firstReceivedMs = batch.receivedMs;
    if (batch.receivedMs > this.lastReceivedMs) this.lastReceivedMs = batch.receivedMs;
  }

  /** Writes and syncs a group. When it rejects, nothing is in flight any more and the segment is to be repaired. */
  async commit(group: GroupWrite): Promise<void> {
    const first = this.#log === null;
    if (first) await this.#create();
    const log = [group.log.bytes()];
    if (first) {
      this.#encodeHeader();
      log.unshift(this.#header.bytes());
    }
    const steps = [writeAndSync(this.#log!, log, first ? 0 : group.logOffset)];
    if (group.dataBytes > 0) steps.push(writeAndSync(this.#data!, group.chunks, group.dataOffset));
    if (first) steps.push(this.#fileSystem.syncDirectory(this.#directory));
    await allOrError(steps);
    this.durableDataBytes = group.dataOffset + group.dataBytes;
    this.durableLogBytes = group.logOffset + group.log.length;
    this.durableRows += group.rows;
  }

  /** Appends the end record and closes the files. A failure leaves a valid segment without end record. */
  async seal(): Promise<void> {
    const log = this.#log;
    if (log === null) return;
    try {
      const { durableDataBytes: dataBytes, durableLogBytes: logBytes, durableRows: rows } = this;
      await writeAndSync(log, [encodeEnd(this.id, { dataBytes, logBytes, rows })], logBytes);
    } finally {
      await this.#close();
    }
  }

  /**
   * After a failed commit: cuts both files back to what is durable and seals them, by path and with new
   * descriptors, because a failed sync leaves the old ones unable to tell what is on the disk. Repeatable.
   */
  async repair(): Promise<void> {
    await this.#close();
    if (this.durableLogBytes === 0) return await this.#removeFiles();
    const { id, durableDataBytes: dataBytes, durableLogBytes: logBytes, durableRows: rows } = this;
    // What is durable was synced without error and needs no second writing.
    const kept = { id, dataBytes, logBytes, rows, unsureData: dataBytes, unsureLog: logBytes };
    await cutAndSeal(this.#fileSystem, this.#directory, kept);
  }

  async #create(): Promise<void> {
    // The log comes first: a data file without a log is then the work of something else than a crash here.
    this.#log = await this.#fileSystem.open(this.#path('log'), 'create');
    this.#data = await this.#fileSystem.open(this.#path('data'), 'create');
  }

  async #removeFiles(): Promise<void> {
    await this.#fileSystem.remove(this.#path('data'));
    await this.#fileSystem.remove(this.#path('log'));
    await this.#fileSystem.syncDirectory(this.#directory);
  }

  async #close(): Promise<void> {
    const files = [this.#data, this.#log];
    this.#data = null;
    this.#log = null;
    // A close that fails says nothing about synced bytes, and the descriptor is gone either way.
    await Promise.allSettled(files.map((file) => file?.close()));
  }

  #encodeHeader(): void {
    const month = new Date(this.#monthStartMs);
    this.#header.clear();
    this.#header.header({
      id: this.id,
      month: month.getUTCFullYear() * 100 + month.getUTCMonth() + 1,
      columns: rawColumns,
      ends: this.#ends.map((segment) => segment.end()),
    });
  }

  #path(suffix: 'data' | 'log'): string {
    return segmentPath(this.#directory, this.id, suffix);
  }
}

async function writeAndSync(file: OpenFile, chunks: readonly Uint8Array[], position: number): Promise<void> {
  await file.write(chunks, position);
  await file.datasync();
}

/** Waits for every step, also when one fails: no write may be under way when the repair begins. */
async function allOrError(steps: readonly Promise<void>[]): Promise<void> {
  for (const result of await Promise.allSettled(steps)) {
    if (result.status === 'rejected') throw result.reason;
  }
}
