/**
 * The spool: a durable FIFO of segments. Format version 1; numbers are little-endian, CRCs are zlib's CRC-32,
 * a text is u16 bytes and UTF-8.
 *
 * A segment `<id>` (12 hex digits of ms, 6 of a counter, 16 random; ids sort by age and are never used again) is
 *
 *   <id>.data   ClickHouse Native blocks end to end, byte for byte the body of its INSERT
 *   <id>.log    a header, one record a batch, an end record
 *
 *   block   u32 magic ("TMLH" header, "TMLR" record), u32 payload bytes, u32 CRC of the payload, payload
 *   header  u16 version, text id, u32 year * 100 + month (UTC) of every `received`,
 *           u16 columns, each: text name, text type; u16 ends, each: text id, f64 data bytes, f64 log bytes
 *   record  u8 kind, u32 CRC of the id, u32 group: log offset where this record's group begins, 0 for the first
 *    1 batch   f64 offset and u32 length of its rows in .data, u32 rows, u32 CRC of them, f64 received (ms),
 *              u32 frames, each: u8 1 and text tenant, or u8 0 (the tenant of the frame before);
 *              text producer, f64 seq, u32 rows. If rows have an event id: u32 count, count × u32 low, count × u32
 *              high halves of their fingerprints; records of older versions have none
 *    2 end     f64 bytes of .data, u32 rows. The segment is closed; nothing follows.
 *
 * Writing. Batches are gathered into groups. A group is written to both files, both are fdatasynced (with the
 * first group the directory too), then its batches are acknowledged. The next group is written only after that.
 * So bytes before the start of the last group are on the disk, and only the last group can be unacknowledged.
 *
 * A write or sync that fails. Nothing of the group or of what was appended after it is acknowledged, positions go
 * back to the durable ones, the descriptors are closed and never synced again, and a new segment is begun. The old
 * one is cut to its durable bytes and gets its end record through new descriptors, again and again until that
 * works; until then neither it nor what follows is delivered. A resend of the lost batches can become durable only
 * together with the header of a later segment, and that header's `ends` say where every uncut segment ends: so a
 * restart cuts it at the same place, and the batches are not there twice. (`ends` has the predecessor always.)
 *
 * Start. Of each segment, from what the log says:
 *   a later header knows its end   everything before it must be intact; what follows is cut
 *   it has an end record           everything must be intact
 *   otherwise (a crash)            everything before the last group must be intact; of the last group the intact
 *                                  prefix is kept, the rest is a torn tail: cut and counted. What is kept of it
 *                                  is written again and synced: clean pages need not be on the disk after a
 *                                  sync that failed
 *   not intact                     damaged: salvaged, or else corrupt: both files are renamed `*.quarantined` and
 *                                  counted, never deleted. The positions and event ids that can be read hold either
 *                                  way: what was acknowledged is not asked for again
 *   nothing intact, or one group   the segment was being created, nothing of it was acknowledged: removed,
 *   and no data file               counted as torn. Only of the newest, or of one that a later header says was never
 *                                  written; of any other it is damage
 *   data without log               quarantined, or removed when empty
 * A record is intact when its CRC and the CRC of its rows match. The rows of a segment with an end record are
 * checked in the background, before the reader gets it. Flipped bits in the last group of a segment without an end
 * record cannot be told from a torn write.
 *
 * Salvage. Records are found by their magic, tag and CRC wherever they lie, so bad bytes cost the records they are in.
 * The intact ones become a segment under a new id of the same age (same time and counter, another random part), each a
 * group of its own; the others lie aside. That is done only when the store has seen nothing of the segment, because
 * an id is the token of an insert and never stands for other rows; when the header can be read, which alone knows the
 * columns; and when a record with rows is intact. Otherwise the segment is quarantined whole.
 *   1  positions and event ids of the damaged records go to the journals; written beside the segment and synced are
 *      `<id>.data.salvaged` and `<id>.log.salvaged`, the new segment; `<id>.damaged.quarantined`, the damaged bytes,
 *      of each part those of the log, then those of the data; and `<id>.quarantine.json`, which tells of each part
 *      where it lay, how many rows it had and which frames are before and after it; the directory is synced
 *   2  `<id>.log` is renamed `<id>.log.replaced`, the directory synced. A crash before: what 1 wrote is removed, and
 *      the segment is damaged as before. After: the next start goes on with 3
 *   3  `<id>.data` is deleted, `<id>.data.salvaged` renamed to its new id, the directory synced, then the log likewise;
 *      `<id>.log.replaced` is deleted
 *
 * Leaving. `release`: the log is renamed `<id>.released` and the directory synced (from here on the segment is
 * never delivered again); the data is deleted; positions and event ids are appended to their journals and synced, and
 * the directory; the log is deleted. After a crash a `.released` log resumes at the second step; a segment that still
 * has its `.log` is delivered again under the same id, and the writer of segments finds out what the store has of it
 * (`insert-note-file.ts` keeps its notes). `quarantine`: what the store has of it all the same is written to
 * `<id>.arrived`, positions and event ids to the journals, `<id>.quarantine.json` says why, both files are renamed, the
 * directory is synced. A segment without rows is released at once. An operator can have one put aside too
 * (`setting-aside.ts`, while no collector runs), unless its insert has begun: then nobody can tell what `<id>.arrived`
 * would have to say.
 *
 * Coming back (`quarantine-shelf.ts`, while no collector runs). An intact quarantined segment goes back into the queue
 * under its id: `<id>.restored` is created, which says that the store may have seen it; the data file is renamed back,
 * then the log, each followed by a sync of the directory. A crash before the log's rename leaves it quarantined. What
 * lies beside it goes when it is released; `<id>.arrived` is given along to the writer. Files `<id>.*` with other
 * endings are not the spool's: they are left alone, and say that the store may have seen the segment.
 *
 * Positions: the highest seq of a producer, by a keyed 64-bit fingerprint of tenant and producer. Those of live
 * segments are in their logs, the others in the journal (`position-journal.ts`). Event ids likewise, in
 * `event-id-journal.ts`: the id of an acknowledged event is known after a crash because its own record holds it. One
 * process at a time: see `data-dir-lock.ts`.
 */

import type { Clock } from '../core/clock.js';
import { CollectorError, errorMessage } from '../core/errors.js';
import { fileFailure } from '../core/file-remedy.js';
import type { SpoolInstruments } from '../core/instruments.js';
import { invariant } from '../core/invariant.js';
import type { Logger } from '../core/logger.js';
import type { EventIdSink } from '../core/ports/event-id-sink.js';
import type { DependencyHealth, HealthProbe } from '../core/ports/health-probe.js';
import type { AppendOutcome, SpoolAppender, SpoolBatch } from '../core/ports/spool-appender.js';
import type { SpoolReader, SpoolSegment, SpoolStats } from '../core/ports/spool-reader.js';
import type { Stage } from '../core/stage.js';
import { within } from '../core/within.js';
import { type ClosedSegment, ClosedSegments } from './closed-segments.js';
import type { EventIdJournal } from './event-id-journal.js';
import { errorCode, type FileSystem } from './file-system.js';
import { openSpool } from './opened-spool.js';
import { PositionExpiry } from './position-expiry.js';
import type { PositionJournal } from './position-journal.js';
import { PositionTable } from './position-table.js';
import type { WasOffered } from './recovery.js';
import type { QuarantineReason, SegmentRetirement } from './segment-retirement.js';
import { SegmentRoller } from './segment-roller.js';
import type { Salvaged, SegmentSalvage } from './segment-salvage.js';
import { SpaceQuota } from './space-quota.js';
import { spoolHealth } from './spool-health.js';
import type { SpoolOptions, SpoolOptionsGiven } from './spool-options.js';
import { spoolOptions } from './spool-options.js';

export interface SpoolDeps {
  readonly fileSystem: FileSystem;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly instruments: SpoolInstruments;
  readonly eventIds: EventIdSink;
  /** Where it does not know, or is absent: the oldest segment that was left may have been offered, and no other. */
  readonly wasOffered?: WasOffered | undefined;
}

/** Appends, hands closed segments to the reader, and knows every producer's position. One a directory. */
export class Spool implements Stage, SpoolAppender, SpoolReader, HealthProbe {
  readonly name = 'spool';
  readonly ifUnhealthy = 'unhealthy';
  readonly #fileSystem: FileSystem;
  readonly #logger: Logger;
  readonly #clock: Clock;
  readonly #instruments: SpoolInstruments;
  readonly #eventIds: EventIdSink;
  readonly #wasOffered: WasOffered | undefined;
  readonly #options: SpoolOptions;
  readonly #positions: PositionTable;
  readonly #expiry: PositionExpiry;
  readonly #quota: SpaceQuota;
  readonly #closed: ClosedSegments;
  readonly #roller: SegmentRoller;
  readonly #spaceCallbacks: (() => void)[] = [];
  #state: 'new' | 'running' | 'stopped' = 'new';
  #starting: Promise<void> | null = null;
  #stopping: Promise<void> | null = null;
  /** No segment leaves any more. */
  #sealed = false;
  #journal: PositionJournal | null = null;
  #eventIdJournal: EventIdJournal | null = null;
  #retirement: SegmentRetirement | null = null;
  #salvage: SegmentSalvage | null = null;
  /** Of the segments that an earlier process left: the store may have seen something of these. */
  #offered: ReadonlySet<string> = new Set();
  /** Releases and quarantines, one after another. */
  #leaving: Promise<unknown> = Promise.resolve();
  #onClosed: () => void = () => {};
  /** Appends have been refused since space was last announced. */
  #refused = false;
  /** Batches have just been lost; whoever waits for them is to know before the frames that follow them are appended. */
  #failing = false;
  /** Durable rows that have neither been released nor quarantined. */
  #rows = 0;
  #foundSegments = 0;
  #quarantinedSegments = 0;
  #quarantinedEvents = 0;
  #lastFailure: { readonly what: string; readonly atMs: number } | null = null;

  constructor(deps: SpoolDeps, options: SpoolOptionsGiven) {
    this.#fileSystem = deps.fileSystem;
    this.#clock = deps.clock;
    this.#logger = deps.logger;
    this.#instruments = deps.instruments;
    this.#eventIds = deps.eventIds;
    this.#wasOffered = deps.wasOffered;
    this.#options = spoolOptions(options);
    const { directory, repairRetryMs: retryMs, producersMax } = this.#options;
    this.#positions = new PositionTable(producersMax, () => deps.instruments.producersForgotten.inc());
    this.#expiry = new PositionExpiry({ ...deps, table: this.#positions }, this.#options);
    this.#quota = new SpaceQuota(deps, this.#options);
    this.#quota.onSpace(() => this.#announceSpace());
    this.#closed = new ClosedSegments(
      deps,
      { directory, retryMs },
      { ready: () => this.#onClosed(), corrupt: (id, mayCopy) => this.#takeDamaged(id, mayCopy) },
    );
    this.#roller = new SegmentRoller({ ...deps, positions: this.#positions }, this.#options, {
      waiting: () => this.#closed.size,
      opened: (bytes) => this.#quota.grow(bytes),
      committed: (rows) => this.#committed(rows),
      failed: (bytes, cause) => this.#failed(bytes, cause),
      closed: (segment) => this.#takeClosed(segment),
      repaired: () => this.#announceSpace(),
    });
  }

  /** Recovers what an earlier process left. Rejects when the directory cannot be read or mended. */
  async start(): Promise<void> {
    invariant(this.#starting === null && this.#stopping === null, 'the spool is started once, and not after its stop');
    this.#starting = this.#start();
    await this.#starting;
  }

  async #start(): Promise<void> {
    const { directory } = this.#options;
    const deps = {
      fileSystem: this.#fileSystem,
      table: this.#positions,
      logger: this.#logger,
      instruments: this.#instruments,
      eventIds: this.#eventIds,
      wasOffered: this.#wasOffered,
    };
    try {
      const { journal, eventIdJournal, retirement, salvage, recovered } = await openSpool(deps, this.#options);
      this.#journal = journal;
      this.#eventIdJournal = eventIdJournal;
      this.#retirement = retirement;
      this.#salvage = salvage;
      this.#offered = recovered.offered;
      eventIdJournal.restore();
      this.#quarantinedSegments = recovered.quarantinedSegments;
      this.#quarantinedEvents = recovered.quarantinedEvents;
      for (const id of recovered.ids) this.#roller.ids.follow(id);
      for (const closed of recovered.segments) {
        this.#rows += closed.segment.rows;
        this.#quota.grow(closed.segment.bytes + closed.logBytes);
        this.#closed.add(closed);
      }
      const received = recovered.segments.map(({ segment }) => segment.lastReceivedMs);
      this.#expiry.start([...received, journal.notes.receivedMs]);
      await this.#quota.start();
      this.#foundSegments = recovered.segments.length;
    } catch (error) {
      throw new CollectorError('spool_failed', `cannot open spool ${directory}: ${fileFailure(error)}`, {
        cause: error,
      });
    }
    this.#state = 'running';
  }

  /** Makes what was appended durable and closes the files; idempotent. */
  async stop(deadlineMs: number): Promise<void> {
    this.#stopping ??= this.#stop();
    await within(this.#clock, this.#stopping, deadlineMs);
  }

  // Hot path: once a batch. Nothing is copied: the rows go to the disk from the batch's own buffer.
  tryAppend(batch: SpoolBatch): AppendOutcome {
    if (this.#state !== 'running') return { status: 'stopped' };
    const { pendingBytesMax } = this.#options;
    const { pendingBytes } = this.#roller;
    const overdue = pendingBytes > 0 && pendingBytes + batch.rows.length > pendingBytesMax;
    if (!this.#quota.admits() || overdue || this.#failing || this.#roller.blocked) {
      this.#refused = true;
      return { status: 'full' };
    }
    const { durable, undo, bytes } = this.#roller.append(batch);
    const { hash } = this.#journal!;
    const usedS = Math.floor(batch.receivedMs / 1_000);
    for (const { tenant, producer, seq } of batch.frames) {
      if (producer === '') continue;
      hash.hash(`${tenant}\0${producer}`);
      undo.push(hash.low, hash.high, this.#positions.advance(hash.low, hash.high, seq, usedS));
    }
    this.#quota.grow(bytes);
    return { status: 'appended', durable };
  }

  /** Closed segments that an earlier process has left in the queue. */
  get foundSegments(): number {
    return this.#foundSegments;
  }

  lastSeq(tenant: string, producer: string): number {
    if (this.#journal === null) return 0;
    const { hash } = this.#journal;
    hash.hash(`${tenant}\0${producer}`);
    return this.#positions.seqOf(hash.low, hash.high);
  }

  fullness(): number {
    if (this.#roller.blocked) return 1;
    return Math.max(this.#quota.fullness(), Math.min(1, this.#roller.pendingBytes / this.#options.pendingBytesMax));
  }

  onSpace(callback: () => void): void {
    this.#spaceCallbacks.push(callback);
  }

  /** Resolves when everything that is durable now lies in closed segments. Rejects with `spool_failed` in time. */
  async rotate(): Promise<void> {
    await this.#roller.rotate();
  }

  /** Runs `work` while no segment leaves, is salvaged or goes into a journal; with those that are not closed. */
  async whileStaying(work: (unclosed: ReadonlySet<string>) => Promise<void>): Promise<void> {
    await this.#leave('hold the segments', () => work(new Set([...this.#roller.unclosed].map(({ id }) => id))));
  }

  peek(): SpoolSegment | null {
    return this.#closed.peek();
  }

  get newestReceivedMs(): number {
    return this.#expiry.newestReceivedMs;
  }

  onClosed(callback: () => void): void {
    this.#onClosed = callback;
  }

  /** Rejects with `spool_failed` when the segment could not be marked as released; it is then still at the head. */
  async release(id: string): Promise<void> {
    const closed = this.#mustFindClosed(id);
    await this.#leave(`release segment ${id}`, async () => {
      await this.#retirement!.release(id);
      this.#forgetClosed(closed);
      await this.#finishReleased();
    });
    this.#roller.checkAge();
  }

  async quarantine(id: string, reason: QuarantineReason, arrived: string | null): Promise<void> {
    const closed = this.#mustFindClosed(id);
    const { rows } = closed.segment;
    await this.#leave(`quarantine segment ${id}`, async () => {
      if (arrived !== null) await this.#retirement!.keepArrived(id, arrived);
      await this.#retirement!.quarantine({ id, rows, hasData: true, hasLog: true }, reason);
      this.#forgetClosed(closed);
    });
    this.#logger.error({ segment: id, reason, events: rows }, 'a segment is quarantined');
    this.#quarantinedSegments++;
    this.#quarantinedEvents += rows;
    this.#roller.checkAge();
  }

  /** `quarantined…`: what lies in the directory, from earlier processes too. */
  stats(): SpoolStats {
    return {
      segments: this.#closed.size + this.#roller.unclosed.size,
      bytes: this.#quota.bytes,
      events: this.#rows,
      oldestReceivedMs: this.#oldestReceivedMs(),
      quarantinedSegments: this.#quarantinedSegments,
      quarantinedEvents: this.#quarantinedEvents,
      producers: this.#positions.size,
      fullness: this.fullness(),
    };
  }

  health(): DependencyHealth {
    const stopped = this.#state === 'running' ? null : 'the spool is not running; appends are refused';
    const last = this.#lastFailure;
    const failed = last === null ? null : { what: last.what, agoMs: this.#clock.monotonicMs() - last.atMs };
    return spoolHealth(this.stats(), this.#roller, { stopped, failed, full: this.#quota.fullReason });
  }

  async #stop(): Promise<void> {
    // A start goes on to its end, and so do the files that it opens; one that failed has opened some, too.
    await this.#starting?.catch(() => undefined);
    this.#state = 'stopped';
    this.#quota.stop();
    await this.#roller.stop();
    await this.#closed.stop();
    this.#sealed = true;
    await this.#leaving;
    await this.#journal?.close();
    await this.#eventIdJournal?.close();
  }

  #committed(rows: number): void {
    this.#rows += rows;
    this.#lastFailure = null;
    if (this.#refused) this.#announceSpace();
  }

  #failed(bytes: number, cause: unknown): void {
    this.#lastFailure = { what: `the last write failed: ${errorMessage(cause)}`, atMs: this.#clock.monotonicMs() };
    const code = errorCode(cause);
    if (code === 'ENOSPC' || code === 'EDQUOT') this.#quota.noSpace();
    this.#quota.shrink(bytes);
    this.#failing = true;
    setImmediate(() => {
      this.#failing = false;
      this.#announceSpace();
    });
  }

  #announceSpace(): void {
    const accepts = this.#quota.fullReason === null && !this.#failing && !this.#roller.blocked;
    if (!this.#refused || !accepts || this.#roller.pendingBytes * 2 > this.#options.pendingBytesMax) return;
    this.#refused = false;
    for (const callback of this.#spaceCallbacks) callback();
  }

  async #takeClosed(closed: ClosedSegment): Promise<void> {
    this.#expiry.forgetOld();
    const { id, rows, bytes } = closed.segment;
    if (rows > 0) return this.#closed.add(closed);
    try {
      await this.#leave(`release segment ${id}`, async () => {
        await this.#retirement!.release(id);
        this.#quota.shrink(bytes + closed.logBytes);
        await this.#finishReleased();
      });
    } catch (error) {
      // Its files stay, and with them its positions; the next start releases it.
      this.#logger.warn({ cause: errorMessage(error) }, 'cannot release a segment without rows');
    }
  }

  /** Rows of a closed segment do not match their log: what is intact goes on under another id, when that is safe. */
  async #takeDamaged(id: string, mayCopy: boolean): Promise<void> {
    const isWritten = this.#salvage!.isWritten(id);
    const salvaged = isWritten || (mayCopy && !this.#offered.has(id)) ? await this.#trySalvage(id) : null;
    if (salvaged === null) return await this.quarantine(id, 'corrupt', null);
    const before = this.#mustFindClosed(id);
    const { closed } = salvaged;
    const lostRows = before.segment.rows - closed.segment.rows;
    this.#closed.replace(id, closed);
    this.#rows -= lostRows;
    this.#quota.shrink(before.segment.bytes + before.logBytes);
    this.#quota.grow(closed.segment.bytes + closed.logBytes);
    this.#quarantinedSegments++;
    this.#quarantinedEvents += salvaged.damagedRows;
  }

  async #trySalvage(id: string): Promise<Salvaged | null> {
    let salvaged: Salvaged | null = null;
    await this.#leave(`salvage segment ${id}`, async () => {
      salvaged = await this.#salvage!.runQueued(id);
    });
    return salvaged;
  }

  #forgetClosed({ segment, logBytes }: ClosedSegment): void {
    this.#closed.remove(segment.id);
    this.#rows -= segment.rows;
    this.#quota.shrink(segment.bytes + logBytes);
  }

  /** What cannot be finished now is finished with the next release, or at the next start. */
  async #finishReleased(): Promise<void> {
    try {
      await this.#retirement!.finish();
    } catch (error) {
      this.#logger.warn({ cause: errorMessage(error) }, 'cannot finish the release of a segment; it is tried again');
    }
  }

  /** One step of retirement at a time; none once the journal is closed. */
  async #leave(what: string, step: () => Promise<void>): Promise<void> {
    if (this.#sealed) throw new CollectorError('stopping', `cannot ${what}: the spool has stopped`);
    const done = this.#leaving.then(step);
    this.#leaving = done.catch(() => {});
    try {
      await done;
    } catch (error) {
      throw new CollectorError('spool_failed', `cannot ${what}: ${errorMessage(error)}`, { cause: error });
    }
  }

  #mustFindClosed(id: string): ClosedSegment {
    const closed = this.#closed.get(id);
    invariant(closed !== undefined, `segment ${id} leaves the spool but is not in it`);
    return closed;
  }

  #oldestReceivedMs(): number | null {
    const oldest = this.#closed.oldest();
    if (oldest !== null) return oldest.segment.firstReceivedMs;
    for (const segment of this.#roller.unclosed) if (segment.durableRows > 0) return segment.firstReceivedMs;
    return null;
  }
}

/** Builds the spool of one directory; it does nothing before `start`. */
export function createSpool(deps: SpoolDeps, options: SpoolOptionsGiven): Spool {
  return new Spool(deps, options);
}
