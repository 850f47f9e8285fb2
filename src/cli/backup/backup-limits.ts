import { stat, statfs } from 'node:fs/promises';
import { dirname } from 'node:path';
import type { Clock } from '../../core/clock.js';
import { CommandError } from '../frame/command-error.js';
import { exitCodes } from '../frame/exit-codes.js';
import { count } from '../frame/told-values.js';
import { dataTree } from './data-tree.js';

export interface BackupLimits {
  readonly bytesMax: number;
  readonly secondsMax: number;
  /** Used share of the disk that a backup beside its data directory leaves to the spool. */
  readonly diskUsedRatioMax: number;
}

/** Ends a backup that takes too long, or that nobody waits for any more. */
export class BackupWatch {
  readonly #clock: Pick<Clock, 'monotonicMs'>;
  readonly #interruption: AbortSignal;
  readonly #secondsMax: number;
  readonly #endMs: number;

  constructor(clock: Pick<Clock, 'monotonicMs'>, interruption: AbortSignal, secondsMax: number) {
    this.#clock = clock;
    this.#interruption = interruption;
    this.#secondsMax = secondsMax;
    this.#endMs = clock.monotonicMs() + 1_000 * secondsMax;
  }

  /** Between two pieces of a file. Throws CommandError. */
  check(): void {
    if (this.#interruption.aborted) throw new CommandError(exitCodes.interrupted, 'interrupted: no backup was made');
    if (this.#clock.monotonicMs() < this.#endMs) return;
    throw limited(`it is not done after ${count(this.#secondsMax)} s; raise --seconds-max`);
  }

  async *watched(content: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
    for await (const chunk of content) {
      this.check();
      yield chunk;
    }
  }
}

/** A block of a disk or a head of tar, and a line of the manifest. */
const entryBytes = 4_096;

/**
 * Before anything is written. Throws CommandError when what lies under `root` has more bytes than it may, or than the
 * disk of `path` has room for. On the disk of the data directory that room ends where the spool would refuse events.
 */
export async function mustFit(
  { root, dataDir, path }: { readonly root: string; readonly dataDir: string; readonly path: string },
  { bytesMax, diskUsedRatioMax }: BackupLimits,
): Promise<void> {
  let bytes = entryBytes;
  for await (const entry of dataTree(root)) bytes += entryBytes + (entry.kind === 'file' ? entry.bytes : 0);
  if (bytes > bytesMax) throw limited(`it has ${count(bytes)} bytes, of ${count(bytesMax)}; raise --bytes-max`);
  const directory = dirname(path);
  const { blocks, bfree, bavail, bsize } = await statfs(directory);
  const used = (blocks - bfree) * bsize;
  const available = bavail * bsize;
  const isBeside = (await stat(directory)).dev === (await stat(dataDir)).dev;
  const room = isBeside ? Math.min(available, diskUsedRatioMax * (used + available) - used) : available;
  if (bytes <= room) return;
  const left = isBeside ? ', the rest being what the spool needs (spool.diskUsedRatioMax)' : '';
  throw limited(`it takes ${count(bytes)} bytes, and the disk has ${count(Math.max(0, Math.floor(room)))}${left}`);
}

function limited(what: string): CommandError {
  return new CommandError(exitCodes.limited, `cannot make the backup: ${what}; nothing of it is left`);
}
