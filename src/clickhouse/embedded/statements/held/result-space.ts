import { statfs } from 'node:fs/promises';
import { type EngineResultFile, engineResultFiles } from '../../../../core/instruments.js';
import { ClickHouseException } from '../../clickhouse-exception.js';

export interface ResultSpaceOptions {
  /** Of the engine's own, where files are made. */
  readonly directory: string;
  /** Of one result, of all at once, and how many of them may have a file. */
  readonly resultBytesMax: number;
  readonly totalBytesMax: number;
  readonly filesMax: number;
  /** Used share of the disk beyond which none grows. */
  readonly diskUsedRatioMax: number;
}

/** Shares out the disk among results that are held in files, in steps: the disk is looked at once for each. */
export class ResultSpace {
  readonly options: ResultSpaceOptions;
  readonly #counts = Object.fromEntries(engineResultFiles.map((outcome) => [outcome, 0])) as Record<
    EngineResultFile,
    number
  >;
  /** Granted, and the part of it that is not on the disk yet. */
  #bytes = 0;
  #unwrittenBytes = 0;
  #files = 0;

  constructor(options: ResultSpaceOptions) {
    this.options = options;
  }

  /** Since the start, by what became of them. */
  get counts(): Readonly<Record<EngineResultFile, number>> {
    return { ...this.#counts };
  }

  /** Granted to results that are held now, in steps. */
  get bytes(): number {
    return this.#bytes;
  }

  count(outcome: EngineResultFile): void {
    this.#counts[outcome]++;
  }

  tooLarge(): ClickHouseException {
    this.count('too_large');
    const advice = 'without wait_end_of_query=1 it is sent while it is made';
    const problem = `Limit for result exceeded, max bytes: ${this.options.resultBytesMax}; ${advice}.`;
    return new ClickHouseException('TOO_MANY_ROWS_OR_BYTES', problem);
  }

  notEnoughSpace(): ClickHouseException {
    this.count('disk_full');
    const problem = 'Not enough space on disk to hold the result; without wait_end_of_query=1 it needs none.';
    return new ClickHouseException('NOT_ENOUGH_SPACE', problem);
  }

  /** A place for one more file, to be left. */
  enter(): void {
    if (this.#files >= this.options.filesMax) throw this.#noRoom();
    this.#files++;
  }

  leave(): void {
    this.#files--;
  }

  /** Room for one more step, to be given back. Answers its bytes. */
  async grant(): Promise<number> {
    if (this.#bytes + stepBytes > this.options.totalBytesMax) throw this.#noRoom();
    this.#bytes += stepBytes;
    this.#unwrittenBytes += stepBytes;
    if ((await this.#diskRoom()) >= 0) return stepBytes;
    this.giveBack({ granted: stepBytes, written: 0 });
    throw this.notEnoughSpace();
  }

  wrote(bytes: number): void {
    this.#unwrittenBytes -= bytes;
  }

  giveBack({ granted, written }: { readonly granted: number; readonly written: number }): void {
    this.#bytes -= granted;
    this.#unwrittenBytes -= granted - written;
  }

  /** Bytes left when all that was granted is on the disk. */
  async #diskRoom(): Promise<number> {
    const { directory, diskUsedRatioMax } = this.options;
    const { blocks, bfree, bavail, bsize } = await statfs(directory);
    const usedBytes = (blocks - bfree) * bsize;
    return diskUsedRatioMax * (usedBytes + bavail * bsize) - usedBytes - this.#unwrittenBytes;
  }

  #noRoom(): ClickHouseException {
    this.count('no_room');
    const problem = 'Too many results are held on the disk at once; without wait_end_of_query=1 none is needed there.';
    return new ClickHouseException('TOO_MANY_SIMULTANEOUS_QUERIES', problem);
  }
}

/** A file takes as much of the total at least. */
const stepBytes = 16_777_216;
