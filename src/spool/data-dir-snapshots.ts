import { randomBytes } from 'node:crypto';
import { copyFile, mkdir, readdir, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { Clock } from '../core/clock.js';
import { CollectorError } from '../core/errors.js';
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
 */
export const snapshotFolder = 'snapshot';

export interface DataDirSnapshotsDeps {
  readonly clock: Clock;
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
  #isTaking = false;

  constructor(deps: DataDirSnapshotsDeps, directory: string) {
    this.#deps = deps;
    this.#directory = directory;
  }

  /** Removes what a process that ended has left. */
  async start(): Promise<void> {
    await rm(join(this.#directory, snapshotFolder), { recursive: true, force: true });
  }

  async stop(): Promise<void> {}

  async take(): Promise<Snapshot> {
    const { clock, freezeStore } = this.#deps;
    if (freezeStore === null) {
      const what = 'its rows are on a ClickHouse server, which has a backup of its own';
      throw new CollectorError('snapshot_unsupported', `cannot take a snapshot of this collector: ${what}`);
    }
    if (this.#isTaking) throw new CollectorError('overloaded', 'cannot take a snapshot: another is being taken');
    this.#isTaking = true;
    const id = randomBytes(8).toString('hex');
    const target = join(this.#directory, snapshotFolder, id);
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
    const path = join(this.#directory, snapshotFolder, id);
    const isThere = await stat(path).then(
      () => true,
      () => false,
    );
    await rm(path, { recursive: true, force: true });
    return isThere;
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
