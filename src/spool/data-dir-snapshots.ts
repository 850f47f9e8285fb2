import { randomBytes } from 'node:crypto';
import { existsSync } from 'node:fs';
import { copyFile, mkdir, readdir, rename, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { Clock } from '../core/clock.js';
import { CollectorError, errorMessage } from '../core/errors.js';
import type { FileLocker, HeldLock } from '../core/file-lock.js';
import type { SnapshotInstruments } from '../core/instruments.js';
import type { Logger } from '../core/logger.js';
import { Pause } from '../core/pause.js';
import type { DeliveryHold } from '../core/ports/delivery-hold.js';
import type { Snapshot, Snapshots } from '../core/ports/snapshots.js';
import type { Stage } from '../core/stage.js';
import { errorCode } from './file-system.js';
import { linkSpool } from './spool-snapshot.js';

/**
 * `<data directory>/snapshot/<id>`: an image of the data directory, made of hard links where nobody writes into a file
 * any more. It costs the room of what the engine and the spool delete meanwhile, until it is dropped.
 *
 *   1  the open segment is closed: what was acknowledged before lies in closed segments or in the store
 *   2  no insert is under way, and none is in doubt (`DeliveryHold`), and no segment leaves: the spool is linked, the
 *      store's parts are frozen, and what is small is copied
 *
 * So a row is in the store or in a segment that is delivered after the restore, and never in both. Nothing of it is
 * synced: that is for whoever copies it.
 *
 * Who copies it may hold a lock on `<data directory>/snapshot/<id>.lock` meanwhile (`holdSnapshot`). The system frees a
 * lock however a process ends: an image whose lock nobody has any more is dropped. One that nobody ever locked stays
 * until it is dropped, the next is taken, or the collector starts.
 */
export const snapshotFolder = 'snapshot';

/** How often a lock is looked at, while there is an image. */
const lookMs = 5_000;

/**
 * Until it is released, or this process ends, the image is somebody's. The file gets its name once it is locked:
 * without that it could be taken for one whose holder is gone.
 */
export async function holdSnapshot(locker: FileLocker, dataDir: string, id: string): Promise<HeldLock> {
  const path = lockPath(join(dataDir, snapshotFolder), id);
  const held = locker.tryLock(`${path}.new`);
  if (held === null) throw new CollectorError('internal', `cannot lock ${path}: another process has it`);
  await rename(`${path}.new`, path);
  return held;
}

function lockPath(folder: string, id: string): string {
  return join(folder, `${id}.lock`);
}

export interface DataDirSnapshotsDeps {
  readonly clock: Clock;
  readonly logger: Logger;
  readonly locker: FileLocker;
  readonly instruments: SnapshotInstruments;
  readonly spool: SnapshotSpool;
  readonly delivery: DeliveryHold;
  /** Freezes the store's files into a directory; null where they are a server's. */
  readonly freezeStore: ((image: { readonly id: string; readonly target: string }) => Promise<void>) | null;
}

interface SnapshotSpool {
  /** Resolves when everything that is durable now lies in closed segments. */
  rotate(): Promise<void>;
  /** Runs `work` while no segment leaves. */
  whileStaying(work: (unclosed: ReadonlySet<string>) => Promise<void>): Promise<void>;
}

export class DataDirSnapshots implements Snapshots, Stage {
  readonly name = 'snapshots';
  readonly #deps: DataDirSnapshotsDeps;
  readonly #directory: string;
  readonly #pause: Pause;
  #isTaking = false;
  #watching: Promise<void> = Promise.resolve();

  constructor(deps: DataDirSnapshotsDeps, directory: string) {
    this.#deps = deps;
    this.#directory = directory;
    this.#pause = new Pause(deps.clock);
  }

  get #folder(): string {
    return join(this.#directory, snapshotFolder);
  }

  /** Removes what a process that ended has left. */
  async start(): Promise<void> {
    await rm(this.#folder, { recursive: true, force: true });
  }

  async stop(): Promise<void> {
    this.#pause.end();
    await this.#watching;
  }

  async take(): Promise<Snapshot> {
    const { clock, freezeStore } = this.#deps;
    if (freezeStore === null) {
      const what = 'its rows are on a ClickHouse server, which has a backup of its own';
      throw new CollectorError('snapshot_unsupported', `cannot take a snapshot of this collector: ${what}`);
    }
    if (this.#isTaking) throw new CollectorError('overloaded', 'cannot take a snapshot: another is being taken');
    this.#isTaking = true;
    const id = randomBytes(8).toString('hex');
    const target = join(this.#folder, id);
    try {
      await this.start();
      await mkdir(target, { recursive: true, mode: 0o700 });
      const takenMs = clock.nowMs();
      await this.#deps.spool.rotate();
      await this.#deps.delivery.whileHeld(async () => {
        await this.#deps.spool.whileStaying(async (unclosed) => {
          await linkSpool(join(this.#directory, 'spool'), join(target, 'spool'), unclosed);
        });
        await freezeStore({ id, target: join(target, 'engine') });
        await this.#copyRest(target);
      });
      this.#pause.wake();
      this.#watching = this.#watch(id);
      return { id, takenMs };
    } catch (error) {
      await rm(target, { recursive: true, force: true }).catch(() => undefined);
      throw error;
    } finally {
      this.#isTaking = false;
    }
  }

  async drop(id: string): Promise<boolean> {
    if (!/^[0-9a-f]{16}$/.test(id)) return false;
    const path = join(this.#folder, id);
    const isThere = await stat(path).then(
      () => true,
      () => false,
    );
    await rm(path, { recursive: true, force: true });
    await rm(lockPath(this.#folder, id), { force: true });
    return isThere;
  }

  /** As long as the image is there. */
  async #watch(id: string): Promise<void> {
    const lock = lockPath(this.#folder, id);
    while (!this.#pause.hasEnded && existsSync(join(this.#folder, id))) {
      await this.#pause.wait(lookMs);
      if (this.#pause.hasEnded || !existsSync(lock)) continue;
      try {
        const abandoned = this.#deps.locker.tryLock(lock);
        if (abandoned === null) continue;
        abandoned.release();
        if (!(await this.drop(id))) return;
        this.#deps.instruments.abandoned.inc();
        this.#deps.logger.warn({ id }, 'image of the data directory dropped: who copied it has ended');
      } catch (error) {
        this.#deps.logger.warn({ id, cause: errorMessage(error) }, 'image of the data directory cannot be dropped');
      }
    }
  }

  /** Keys, passwords, format: small files, each replaced as a whole when it changes. */
  async #copyRest(target: string): Promise<void> {
    for (const entry of await readdir(this.#directory, { withFileTypes: true })) {
      if (!entry.isFile() || entry.name === 'collector.lock') continue;
      await copyFile(join(this.#directory, entry.name), join(target, entry.name)).catch((error: unknown) => {
        // The temporary name of one that is being replaced.
        if (errorCode(error) !== 'ENOENT') throw error;
      });
    }
  }
}
