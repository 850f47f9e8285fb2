import type { Clock, Timer } from '../core/clock.js';
import { errorMessage } from '../core/errors.js';
import type { Logger } from '../core/logger.js';
import type { DiskSpace, FileSystem } from './file-system.js';

/** The spool's own bytes, the disk's use, or a write that found no space. */
export type FullReason = 'quota' | 'disk' | 'no_space';

export interface QuotaOptions {
  readonly directory: string;
  readonly bytesMax: number;
  readonly bytesResumeRatio: number;
  readonly diskUsedRatioMax: number;
  readonly diskResumeRatio: number;
  readonly spaceCheckMs: number;
}

/** Files that a disk which had no space must be able to hold before it is tried again; an insert makes 150. */
const filesMin = 512;

/**
 * Decides whether the spool may grow: by its own bytes and by how full the disk is, each with a high mark (refuse)
 * and a low one (accept again). A write that found no space counts as full until the disk says otherwise, of its bytes
 * and of its files, at the earliest one `spaceCheckMs` later.
 */
export class SpaceQuota {
  readonly #fileSystem: FileSystem;
  readonly #clock: Clock;
  readonly #logger: Logger;
  readonly #options: QuotaOptions;
  readonly #onSpace: (() => void)[] = [];
  /** Bytes of all segments, appended ones included. */
  #bytes = 0;
  #disk: DiskSpace = { usedBytes: 0, availableBytes: Number.MAX_SAFE_INTEGER, availableFiles: null };
  /** The disk counts its files: it did not tell that there was no room for one while the spool made its own. */
  #countsFiles = false;
  /** Growth since the disk was last looked at. */
  #grownBytes = 0;
  #checkedMs = Number.NEGATIVE_INFINITY;
  #checking = false;
  #full: FullReason | null = null;
  #timer: Timer | null = null;
  #stopped = false;

  constructor(
    deps: { readonly fileSystem: FileSystem; readonly clock: Clock; readonly logger: Logger },
    options: QuotaOptions,
  ) {
    this.#fileSystem = deps.fileSystem;
    this.#clock = deps.clock;
    this.#logger = deps.logger;
    this.#options = options;
  }

  get bytes(): number {
    return this.#bytes;
  }

  /** Why appends are refused, null when they are not. */
  get fullReason(): FullReason | null {
    return this.#full;
  }

  async start(): Promise<void> {
    this.#disk = await this.#fileSystem.diskSpace(this.#options.directory);
    this.#countsFiles = (this.#disk.availableFiles ?? 0) > 0;
    this.#checkedMs = this.#clock.monotonicMs();
    this.#judge();
  }

  stop(): void {
    this.#stopped = true;
    this.#timer?.cancel();
  }

  /** Called when appends are accepted again. */
  onSpace(callback: () => void): void {
    this.#onSpace.push(callback);
  }

  /** Hot path: once a batch. */
  admits(): boolean {
    if (this.#clock.monotonicMs() - this.#checkedMs >= this.#options.spaceCheckMs) void this.#check();
    return this.#full === null;
  }

  grow(bytes: number): void {
    this.#bytes += bytes;
    this.#grownBytes += bytes;
    if (this.#full === null) this.#judge();
  }

  shrink(bytes: number): void {
    this.#bytes -= bytes;
    if (this.#full !== null) void this.#check();
  }

  /** A write or sync found no space. */
  noSpace(): void {
    this.#become('no_space');
  }

  /** 0 (empty) … 1 (refusing): the spool's bytes against what it may still take. */
  fullness(): number {
    if (this.#full !== null) return 1;
    const { bytesMax } = this.#options;
    const room = Math.max(0, Math.min(bytesMax - this.#bytes, this.#diskRoom(this.#options.diskUsedRatioMax)));
    return this.#bytes === 0 ? 0 : Math.min(1, this.#bytes / (this.#bytes + room));
  }

  /** Bytes until the disk is used to `ratio`. */
  #diskRoom(ratio: number): number {
    const { usedBytes, availableBytes } = this.#disk;
    return ratio * (usedBytes + availableBytes) - usedBytes - this.#grownBytes;
  }

  #judge(): void {
    const { bytesMax, bytesResumeRatio, diskUsedRatioMax, diskResumeRatio } = this.#options;
    if (this.#full === null) {
      if (this.#bytes >= bytesMax) this.#become('quota');
      else if (this.#diskRoom(diskUsedRatioMax) <= 0) this.#become('disk');
      return;
    }
    if (this.#bytes >= bytesMax * bytesResumeRatio) return;
    if (this.#diskRoom(diskUsedRatioMax * diskResumeRatio) <= 0) return;
    if (this.#full === 'no_space' && this.#lacksFiles()) return;
    this.#full = null;
    this.#timer?.cancel();
    this.#logger.info({ bytes: this.#bytes }, 'the spool accepts appends again');
    for (const callback of this.#onSpace) callback();
  }

  #lacksFiles(): boolean {
    const { availableFiles } = this.#disk;
    return this.#countsFiles && availableFiles !== null && availableFiles < filesMin;
  }

  #become(reason: FullReason): void {
    if (this.#full === null)
      this.#logger.warn({ reason, bytes: this.#bytes }, 'the spool is full; appends are refused');
    this.#full = reason;
    this.#checkedMs = this.#clock.monotonicMs();
    this.#watch();
  }

  /** While full, nobody's append looks at the disk: a timer does. */
  #watch(): void {
    this.#timer?.cancel();
    if (this.#stopped) return;
    this.#timer = this.#clock.setTimer(this.#options.spaceCheckMs, () => {
      void this.#check();
      if (this.#full !== null) this.#watch();
    });
  }

  async #check(): Promise<void> {
    if (this.#checking || this.#stopped) return;
    const nowMs = this.#clock.monotonicMs();
    // Space found right after a write failed for want of it is not to be trusted yet.
    if (this.#full === 'no_space' && nowMs - this.#checkedMs < this.#options.spaceCheckMs) return;
    this.#checking = true;
    this.#checkedMs = nowMs;
    const grownBefore = this.#grownBytes;
    try {
      this.#disk = await this.#fileSystem.diskSpace(this.#options.directory);
      this.#grownBytes -= grownBefore;
      this.#judge();
    } catch (error) {
      this.#logger.warn({ cause: errorMessage(error) }, 'cannot read the space of the disk');
    } finally {
      this.#checking = false;
    }
  }
}
