import { type Clock, sleep, type Timer } from '../core/clock.js';
import { CollectorError, errorMessage } from '../core/errors.js';
import { rawColumns } from '../core/event-schema.js';
import type { SpoolInstruments } from '../core/instruments.js';
import type { Logger } from '../core/logger.js';
import { Pause } from '../core/pause.js';
import type { SpoolBatch } from '../core/ports/spool-appender.js';
import type { ClosedSegment } from './closed-segments.js';
import type { FileSystem } from './file-system.js';
import { errorCode } from './file-system.js';
import type { PositionUndo } from './group-commit.js';
import { GroupCommit } from './group-commit.js';
import type { CloseReason } from './open-segment.js';
import { OpenSegment } from './open-segment.js';
import { SegmentIds, segmentPath } from './segment-paths.js';
import type { SpoolOptions } from './spool-options.js';

/** What the roller tells the spool. */
export interface RollerListener {
  /** Closed segments that wait for the reader, the one it has in hand among them. */
  waiting(): number;
  /** A new segment takes this many bytes before its first batch. */
  opened(bytes: number): void;
  committed(rows: number): void;
  /** A group failed: `bytes` were appended and are not kept. */
  failed(bytes: number, cause: unknown): void;
  /** Closed, in the order of age. Resolves when the spool has taken it. */
  closed(segment: ClosedSegment): Promise<void>;
  repaired(): void;
}

/** Segments given up and not yet cut back; with more, appends are refused: the disk is not to be written to. */
const damagedMax = 8;
/** A segment that is being cut back may take for ever. */
const rotationMsMax = 10_000;
const rotationPollMs = 10;
const columnNames = rawColumns.map(({ name }) => name);

/**
 * Keeps one segment open at a time: begins it with the first batch, closes it by bytes, rows, age or partition, gives
 * it up when a sync fails, and hands closed segments over in order.
 */
export class SegmentRoller {
  readonly ids: SegmentIds;
  readonly #fileSystem: FileSystem;
  readonly #clock: Clock;
  readonly #logger: Logger;
  readonly #instruments: SpoolInstruments;
  readonly #options: SpoolOptions;
  readonly #listener: RollerListener;
  readonly #commits: GroupCommit;
  #active: OpenSegment | null = null;
  /** The segment before the active one: its end is remembered in the active one's header. */
  #previous: OpenSegment | null = null;
  /** Not yet handed over, oldest first: open, being sealed or being repaired. */
  readonly #unclosed = new Set<OpenSegment>();
  readonly #damaged = new Set<OpenSegment>();
  #closing: Promise<void> = Promise.resolve();
  #ageTimer: Timer | null = null;
  #stopping = false;
  /** A damaged segment was left behind by `stop`: what comes after it must not go, it remembers where that one ends. */
  #abandoned = false;
  readonly #repairPause: Pause;

  constructor(
    deps: {
      readonly fileSystem: FileSystem;
      readonly clock: Clock;
      readonly logger: Logger;
      readonly instruments: SpoolInstruments;
      readonly positions: PositionUndo;
    },
    options: SpoolOptions,
    listener: RollerListener,
  ) {
    this.#fileSystem = deps.fileSystem;
    this.#clock = deps.clock;
    this.#repairPause = new Pause(deps.clock);
    this.#logger = deps.logger;
    this.#instruments = deps.instruments;
    this.#options = options;
    this.#listener = listener;
    this.ids = new SegmentIds(deps.clock);
    const outcomes = {
      committed: (segment: OpenSegment, rows: number) => this.#committed(segment, rows),
      failed: (segments: readonly OpenSegment[], cause: unknown) => this.#failed(segments, cause),
      rejection: (segment: OpenSegment, cause: unknown) => this.#rejection(segment, cause),
    };
    this.#commits = new GroupCommit({ ...deps, outcomes }, options);
  }

  get pendingBytes(): number {
    return this.#commits.pendingBytes;
  }

  /** How long the group that is being written has been at it; 0 when there is none. */
  get commitMs(): number {
    return this.#commits.commitMs;
  }

  /** Too many segments wait for being cut back. */
  get blocked(): boolean {
    return this.#damaged.size >= damagedMax;
  }

  /** Segments given up and not yet cut back; closed segments wait behind them. */
  get damaged(): number {
    return this.#damaged.size;
  }

  get unclosed(): ReadonlySet<OpenSegment> {
    return this.#unclosed;
  }

  /** Hot path: once a batch. The caller adds the positions it advances to `undo`, before it returns to the loop. */
  append(batch: SpoolBatch): { readonly durable: Promise<void>; readonly undo: number[]; readonly bytes: number } {
    const segment = this.#segmentFor(batch);
    const before = segment.logBytes;
    const firstRows = segment.rows === 0 && batch.rowCount > 0;
    const { durable, undo } = this.#commits.add(segment, batch);
    if (firstRows) {
      segment.openedMs = this.#clock.monotonicMs();
      this.checkAge();
    }
    return { durable, undo, bytes: batch.rows.length + segment.logBytes - before };
  }

  /** Closes the active segment when it has reached its age; called when that age may have become shorter. */
  checkAge(): void {
    const segment = this.#active;
    if (segment === null) return;
    const ageMs = this.#clock.monotonicMs() - segment.openedMs;
    const limitMs = this.#ageLimitMs(segment);
    this.#ageTimer?.cancel();
    if (ageMs >= limitMs) this.#close('age');
    else this.#ageTimer = this.#clock.setTimer(limitMs - ageMs, () => this.checkAge());
  }

  /** Closes the active segment. Resolves when what was open before is handed over, with all that was pending of it. */
  async rotate(): Promise<void> {
    const before = [...this.#unclosed];
    this.#close('snapshot');
    const endMs = this.#clock.monotonicMs() + rotationMsMax;
    while (before.some((segment) => this.#unclosed.has(segment))) {
      if (this.#clock.monotonicMs() > endMs) {
        throw new CollectorError('spool_failed', 'cannot close a segment: it is being cut back, or the disk is slow');
      }
      await sleep(this.#clock, rotationPollMs);
    }
  }

  /** Makes everything pending durable and closes the active segment. */
  async stop(): Promise<void> {
    this.#stopping = true;
    this.#close('stop');
    await this.#commits.idle();
    this.#repairPause.wake();
    await this.#closing;
  }

  #segmentFor(batch: SpoolBatch): OpenSegment {
    const reason = this.#active === null ? null : this.#closeReason(this.#active, batch);
    if (reason !== null) this.#close(reason);
    return this.#active ?? this.#begin(batch.receivedMs);
  }

  /** Why `batch` cannot go into `segment`. A batch above a limit gets a segment of its own. */
  #closeReason(segment: OpenSegment, batch: SpoolBatch): CloseReason | null {
    const { segmentBytesMax, segmentRowsMax } = this.#options;
    if (!segment.holdsMonthOf(batch.receivedMs)) return 'partition';
    if (segment.rows + batch.rowCount > segmentRowsMax) return 'rows';
    return segment.dataBytes + segment.logBytes + batch.rows.length > segmentBytesMax ? 'size' : null;
  }

  #begin(receivedMs: number): OpenSegment {
    const ends = new Set(this.#damaged);
    if (this.#previous !== null) ends.add(this.#previous);
    const segment = new OpenSegment(this.#fileSystem, {
      directory: this.#options.directory,
      id: this.ids.next(),
      receivedMs,
      openedMs: this.#clock.monotonicMs(),
      ends: [...ends],
    });
    this.#active = segment;
    this.#unclosed.add(segment);
    this.#listener.opened(segment.logBytes);
    this.checkAge();
    return segment;
  }

  #ageLimitMs(segment: OpenSegment): number {
    const { segmentAgeMsMin, segmentAgeMsMax, segmentAgeMsBacklog } = this.#options;
    // Without rows nobody waits for it, and closing it costs several syncs. The first rows start its age anew.
    if (segment.rows === 0) return segmentAgeMsMax;
    const waiting = this.#listener.waiting();
    if (waiting === 0) return segmentAgeMsMin;
    // The next to be inserted is there: closed now, this one is inserted no sooner, and where an insert takes long,
    // however small it is, as on a disk that syncs slowly, more wait each time.
    return waiting === 1 ? segmentAgeMsMax : segmentAgeMsBacklog;
  }

  #close(reason: CloseReason): void {
    const segment = this.#active;
    if (segment === null) return;
    this.#active = null;
    this.#previous = segment;
    this.#ageTimer?.cancel();
    segment.closeReason = reason;
    this.#commits.flush();
    if (segment.groupsPending === 0) this.#seal(segment);
  }

  #committed(segment: OpenSegment, rows: number): void {
    this.#listener.committed(rows);
    if (segment.closeReason !== null && segment.groupsPending === 0) this.#seal(segment);
  }

  #seal(segment: OpenSegment): void {
    const sealed = segment.seal().catch((error: unknown) => {
      const context = { segment: segment.id, cause: errorMessage(error) };
      this.#logger.warn(context, 'cannot write the end record of a segment; all its batches are durable');
    });
    this.#inOrder(segment, async () => {
      await sealed;
      return true;
    });
  }

  /** Nothing pending is kept. The first segment has been written to and is cut back; the others never were. */
  #failed(segments: readonly OpenSegment[], cause: unknown): void {
    const damaged = segments[0]!;
    let bytes = 0;
    for (const segment of segments) {
      bytes += segment.dataBytes - segment.durableDataBytes + segment.logBytes - segment.durableLogBytes;
      if (segment !== damaged) this.#unclosed.delete(segment);
    }
    this.#active = null;
    this.#ageTimer?.cancel();
    this.#previous = damaged;
    this.#damaged.add(damaged);
    damaged.closeReason = 'sync_failed';
    const context = { segment: damaged.id, cause: errorMessage(cause), code: errorCode(cause) };
    this.#logger.error(context, 'cannot write or sync a segment; it is given up and a new one begun');
    this.#listener.failed(bytes, cause);
    this.#inOrder(damaged, () => this.#repair(damaged));
  }

  #rejection(segment: OpenSegment, cause: unknown): CollectorError {
    const path = segmentPath(this.#options.directory, segment.id, 'data');
    return new CollectorError('spool_failed', `cannot write segment ${path}: ${errorMessage(cause)}`, { cause });
  }

  /** Cuts a segment back to its durable bytes, for as long as it takes; false when the spool stops before. */
  async #repair(segment: OpenSegment): Promise<boolean> {
    for (;;) {
      try {
        await segment.repair();
        this.#damaged.delete(segment);
        this.#listener.repaired();
        return true;
      } catch (error) {
        const context = { segment: segment.id, cause: errorMessage(error) };
        this.#logger.error(context, 'cannot cut a segment back to its durable bytes; delivery waits for it');
      }
      if (this.#stopping) return false;
      await this.#repairPause.wait(this.#options.repairRetryMs);
    }
  }

  /** Hands a segment over when it is ready, after all older ones. */
  #inOrder(segment: OpenSegment, ready: () => Promise<boolean>): void {
    const readiness = ready();
    this.#closing = this.#closing.then(async () => {
      const isReady = await readiness;
      this.#abandoned ||= !isReady;
      if (this.#abandoned) return;
      this.#unclosed.delete(segment);
      const { closeReason, durableLogBytes: logBytes } = segment;
      this.#instruments.segmentsClosed.inc({ reason: closeReason ?? 'stop' });
      // Nothing became durable: the repair has deleted the files.
      if (logBytes === 0) return;
      await this.#listener.closed({ segment: describe(segment, this.#options.directory), logBytes, verified: true });
    });
  }
}

function describe(segment: OpenSegment, directory: string): ClosedSegment['segment'] {
  return {
    id: segment.id,
    dataPath: segmentPath(directory, segment.id, 'data'),
    bytes: segment.durableDataBytes,
    rows: segment.durableRows,
    columns: columnNames,
    firstReceivedMs: segment.firstReceivedMs,
    lastReceivedMs: segment.lastReceivedMs,
  };
}
