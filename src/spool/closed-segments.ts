import type { Clock, Timer } from '../core/clock.js';
import { errorMessage } from '../core/errors.js';
import type { Logger } from '../core/logger.js';
import type { SpoolSegment } from '../core/ports/spool-reader.js';
import type { FileSystem } from './file-system.js';
import { readWhole, withFile } from './file-system.js';
import { scanLog } from './log-scan.js';
import { firstBadRecord } from './row-check.js';
import { segmentPath } from './segment-paths.js';

export interface ClosedSegment {
  readonly segment: SpoolSegment;
  readonly logBytes: number;
  /** The rows are known to match their CRCs: written by this process, or read again. */
  verified: boolean;
  /** Its rows are known to be bad; it is being taken out of the queue. */
  damaged?: true;
}

/** Takes the segment out of here, or puts another in its place. `mayCopy`: what is intact of it may be saved. */
type CorruptListener = (id: string, mayCopy: boolean) => Promise<void>;

/** After this many failed attempts to read them, rows are as lost as rows that do not match. */
const readAttemptsMax = 5;
/** Segments ahead of the reader whose rows are checked. */
const verifyAhead = 3;

/**
 * The closed segments, oldest first. Rows that an earlier process wrote are read and checked before the reader gets
 * them, a few segments ahead of it, so that starting on a spool of 10 GB does not wait for reading 10 GB.
 */
export class ClosedSegments {
  readonly #fileSystem: FileSystem;
  readonly #clock: Clock;
  readonly #logger: Logger;
  readonly #directory: string;
  readonly #retryMs: number;
  readonly #onReady: () => void;
  readonly #onCorrupt: CorruptListener;
  readonly #segments = new Map<string, ClosedSegment>();
  #rows = 0;
  #verifying: Promise<void> | null = null;
  #retry: Timer | null = null;
  /** Of the segment that is to be checked next. */
  #readAttempts = 0;
  #stopped = false;

  constructor(
    deps: { readonly fileSystem: FileSystem; readonly clock: Clock; readonly logger: Logger },
    options: { readonly directory: string; readonly retryMs: number },
    /** `ready`: there may be something to peek at. */
    listeners: { readonly ready: () => void; readonly corrupt: CorruptListener },
  ) {
    this.#fileSystem = deps.fileSystem;
    this.#clock = deps.clock;
    this.#logger = deps.logger;
    this.#directory = options.directory;
    this.#retryMs = options.retryMs;
    this.#onReady = listeners.ready;
    this.#onCorrupt = listeners.corrupt;
  }

  get size(): number {
    return this.#segments.size;
  }

  get rows(): number {
    return this.#rows;
  }

  add(closed: ClosedSegment): void {
    this.#segments.set(closed.segment.id, closed);
    this.#rows += closed.segment.rows;
    if (closed.verified) this.#onReady();
    else this.verify();
  }

  /** The oldest, when it may be read. */
  peek(): SpoolSegment | null {
    const head = this.oldest();
    return head?.verified ? head.segment : null;
  }

  oldest(): ClosedSegment | null {
    for (const closed of this.#segments.values()) return closed;
    return null;
  }

  get(id: string): ClosedSegment | undefined {
    return this.#segments.get(id);
  }

  remove(id: string): void {
    const closed = this.#segments.get(id);
    if (closed === undefined) return;
    this.#segments.delete(id);
    this.#rows -= closed.segment.rows;
    this.verify();
  }

  /** Puts a segment in the place of another. */
  replace(id: string, closed: ClosedSegment): void {
    const later = [...this.#segments.values()];
    this.#segments.clear();
    for (const each of later) {
      const kept = each.segment.id === id ? closed : each;
      this.#segments.set(kept.segment.id, kept);
      this.#rows += kept.segment.rows - each.segment.rows;
    }
    this.#onReady();
  }

  /** Starts checking what is next, unless it is already being done. */
  verify(): void {
    if (this.#verifying !== null || this.#stopped || this.#nextUnverified() === null) return;
    this.#verifying = this.#verifyAll().finally(() => {
      this.#verifying = null;
    });
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    this.#retry?.cancel();
    await this.#verifying;
  }

  #nextUnverified(): ClosedSegment | null {
    let ahead = 0;
    for (const closed of this.#segments.values()) {
      if (!closed.verified) return closed;
      if (++ahead >= verifyAhead) break;
    }
    return null;
  }

  async #verifyAll(): Promise<void> {
    for (let next = this.#nextUnverified(); next !== null && !this.#stopped; next = this.#nextUnverified()) {
      try {
        const mayCopy = this.#readAttempts < readAttemptsMax;
        if (mayCopy && next.damaged !== true && (await this.#rowsMatch(next.segment.id))) {
          next.verified = true;
          if (next === this.oldest()) this.#onReady();
        } else {
          next.damaged = true;
          await this.#onCorrupt(next.segment.id, mayCopy);
        }
        this.#readAttempts = 0;
      } catch (error) {
        // Descriptors may be short for a moment and a disk may recover, so a segment is not condemned at once.
        const context = { segment: next.segment.id, cause: errorMessage(error) };
        this.#logger.error(context, 'cannot check a segment; it is tried again');
        this.#readAttempts++;
        this.#retry = this.#clock.setTimer(this.#retryMs, () => this.verify());
        return;
      }
    }
  }

  async #rowsMatch(id: string): Promise<boolean> {
    const log = await withFile(this.#fileSystem.open(segmentPath(this.#directory, id, 'log'), 'read'), readWhole);
    const scan = scanLog(log, id, null);
    if (scan.status !== 'valid') return false;
    const data = this.#fileSystem.open(segmentPath(this.#directory, id, 'data'), 'read');
    return (await withFile(data, (file) => firstBadRecord(file, scan.records))) === -1;
  }
}
