import type { Random } from '../../src/core/clock.js';
import type { DiskSpace, FileSystem, OpenFile } from '../../src/spool/file-system.js';

/**
 * A disk with a page cache. What is written can be read at once; a power cut keeps what was synced and any part of the
 * rest: changes of a file are lost, torn, holed or kept independently of each other and of their order, and so are
 * entries of a directory. A process that is killed leaves the page cache as it is. After a failed sync the changes can
 * be read, and no later sync writes them.
 *
 * A process sees it through a session. A session that has ended answers nothing: what was under way in it stands still
 * for ever, as in a process that is gone.
 */
export class SimulatedDisk {
  readonly random: Random;
  names = new Map<string, Inode>();
  durableNames = new Map<string, Inode>();
  changedNames: DirectoryChange[] = [];

  constructor(random: Random) {
    this.random = random;
  }

  /** Everything that was not synced meets its fate. */
  cutPower(): void {
    const names = new Map(this.durableNames);
    // Journalled directories keep a prefix of their changes, others any of them.
    const isJournalled = this.random() < 0.5;
    const kept = Math.floor(this.random() * (this.changedNames.length + 1));
    for (const [index, change] of this.changedNames.entries()) {
      if (isJournalled ? index < kept : this.random() < 0.5) rebind(names, change);
    }
    this.names = new Map();
    for (const [name, inode] of names) this.names.set(name, inode.survivor(this.random));
    this.durableNames = new Map(this.names);
    this.changedNames = [];
  }

  change(change: DirectoryChange): void {
    rebind(this.names, change);
    this.changedNames.push(change);
  }
}

/** Names that change together: a rename is atomic. */
type DirectoryChange = readonly (readonly [string, Inode | null])[];

function rebind(names: Map<string, Inode>, change: DirectoryChange): void {
  for (const [name, inode] of change) {
    if (inode === null) names.delete(name);
    else names.set(name, inode);
  }
}

interface Change {
  readonly position: number;
  /** Null: a truncation to `position`. */
  readonly bytes: Uint8Array | null;
}

/** Bytes that grow and are overwritten in place. */
class Content {
  bytes = 0;
  #buffer = Buffer.allocUnsafe(512);

  view(): Buffer {
    return this.#buffer.subarray(0, this.bytes);
  }

  apply({ position, bytes }: Change): void {
    const end = bytes === null ? position : position + bytes.length;
    if (end > this.#buffer.length) {
      const larger = Buffer.allocUnsafe(Math.max(end, this.#buffer.length * 2));
      this.#buffer.copy(larger, 0, 0, this.bytes);
      this.#buffer = larger;
    }
    const filledTo = bytes === null ? end : position;
    if (filledTo > this.bytes) this.#buffer.fill(0, this.bytes, filledTo);
    if (bytes !== null) this.#buffer.set(bytes, position);
    this.bytes = bytes === null ? end : Math.max(this.bytes, end);
  }
}

class Inode {
  readonly now = new Content();
  readonly durable = new Content();
  unsynced: Change[] = [];

  change(change: Change): void {
    this.now.apply(change);
    this.unsynced.push(change);
  }

  sync(): void {
    for (const change of this.unsynced) this.durable.apply(change);
    this.unsynced = [];
  }

  /** What a power cut leaves of it. */
  survivor(random: Random): Inode {
    const next = new Inode();
    const write = (change: Change) => {
      next.now.apply(change);
      next.durable.apply(change);
    };
    write({ position: 0, bytes: this.durable.view() });
    for (const change of this.unsynced) survive(change, random, write);
    return next;
  }
}

/** Whole, in part, as a hole of zeros, or not at all. */
function survive({ position, bytes }: Change, random: Random, write: (change: Change) => void): void {
  const fate = random();
  if (fate < 0.3) return;
  if (fate < 0.65 || bytes === null || bytes.length === 0) {
    write({ position, bytes });
  } else if (fate < 0.85) {
    write({ position, bytes: bytes.subarray(0, Math.floor(random() * bytes.length)) });
  } else {
    const holed = Uint8Array.from(bytes);
    const from = Math.floor(random() * holed.length);
    holed.fill(0, from, from + Math.ceil(random() * 64));
    write({ position, bytes: holed });
  }
}

export type DiskOperation = 'open' | 'write' | 'datasync' | 'truncate' | 'rename' | 'remove' | 'syncDirectory';
/** As often as each is to fail: what comes after a failed sync is the hardest. */
export const failingOperations: readonly DiskOperation[] = [
  'datasync',
  'datasync',
  'datasync',
  'datasync',
  'write',
  'write',
  'truncate',
  'truncate',
  'open',
  'rename',
  'remove',
  'syncDirectory',
];

export interface DiskFault {
  readonly code: 'EIO' | 'ENOSPC';
  /** Operations that fail before it is over. */
  left: number;
}

/** A new one each time: what waits for it goes with it. */
function never(): Promise<never> {
  return new Promise(() => {});
}

/** The disk as one process sees it. */
export class DiskSession implements FileSystem {
  readonly disk: SimulatedDisk;
  /** The machine goes down at this many operations from now on; infinite: not by itself. */
  operationsLeft = Number.POSITIVE_INFINITY;
  /** At most one for each operation. */
  readonly faults = new Map<DiskOperation, DiskFault>();
  ended = false;
  #onEnd: (() => void) | null = null;
  /** Resolves when the session ends. */
  readonly end: Promise<void>;

  constructor(disk: SimulatedDisk) {
    this.disk = disk;
    this.end = new Promise((resolve) => {
      this.#onEnd = resolve;
    });
  }

  finish(): void {
    this.ended = true;
    this.#onEnd?.();
  }

  async open(path: string, mode: 'create' | 'update' | 'read'): Promise<OpenFile> {
    await undefined;
    if (this.isOver('open', path)) await never();
    let inode = this.disk.names.get(path);
    if (mode === 'create') {
      if (inode !== undefined) throw failure('EEXIST', path);
      inode = new Inode();
      this.disk.change([[path, inode]]);
    }
    if (inode === undefined) throw failure('ENOENT', path);
    return new SessionFile(this, path, inode);
  }

  async makeDirectory(): Promise<void> {}

  async list(path: string): Promise<string[]> {
    const names: string[] = [];
    for (const name of this.disk.names.keys()) if (name.startsWith(`${path}/`)) names.push(name.slice(path.length + 1));
    return names;
  }

  async rename(from: string, to: string): Promise<void> {
    await undefined;
    if (this.isOver('rename', from)) await never();
    const inode = this.disk.names.get(from);
    if (inode === undefined) throw failure('ENOENT', from);
    this.disk.change([
      [to, inode],
      [from, null],
    ]);
  }

  async remove(path: string): Promise<void> {
    await undefined;
    if (this.isOver('remove', path)) await never();
    if (this.disk.names.has(path)) this.disk.change([[path, null]]);
  }

  async syncDirectory(path: string): Promise<void> {
    await this.delay();
    if (this.isOver('syncDirectory', path)) await never();
    this.disk.durableNames = new Map(this.disk.names);
    this.disk.changedNames = [];
  }

  async diskSpace(): Promise<DiskSpace> {
    return { usedBytes: 0, availableBytes: 1e15, availableFiles: null };
  }

  /** Null when there is no such file. */
  async fileBytes(path: string): Promise<number | null> {
    if (this.ended) await never();
    return this.disk.names.get(path)?.now.bytes ?? null;
  }

  /** The bytes of a file as another program would read them. */
  content(path: string): Buffer {
    const inode = this.disk.names.get(path);
    if (inode === undefined) throw failure('ENOENT', path);
    return inode.now.view();
  }

  /**
   * Counts an operation, right before it takes effect, with no turn of anybody else between. True: the process is gone,
   * or the machine goes down at this moment; the caller goes no further. Throws when the operation is to fail.
   */
  isOver(operation: DiskOperation, path: string): boolean {
    if (!this.ended && this.operationsLeft-- <= 0) this.finish();
    if (this.ended) return true;
    const fault = this.faults.get(operation);
    if (fault === undefined) return false;
    if (--fault.left <= 0) this.faults.delete(operation);
    throw failure(fault.code, path);
  }

  /** Time that passes on the disk, in which others go on. */
  async delay(): Promise<void> {
    for (let ticks = Math.floor(this.disk.random() * 12); ticks > 0; ticks--) await undefined;
  }
}

class SessionFile implements OpenFile {
  readonly #session: DiskSession;
  readonly #path: string;
  readonly #inode: Inode;

  constructor(session: DiskSession, path: string, inode: Inode) {
    this.#session = session;
    this.#path = path;
    this.#inode = inode;
  }

  async write(chunks: readonly Uint8Array[], position: number): Promise<void> {
    const bytes = Buffer.concat(chunks);
    // Mostly it is the page cache that takes it; now and then it waits for the disk.
    if (this.#session.disk.random() < 0.9) await undefined;
    else await this.#session.delay();
    try {
      if (this.#session.isOver('write', this.#path)) await never();
    } catch (error) {
      // Half of it has arrived, as it does when the disk fills up.
      this.#inode.change({ position, bytes: bytes.subarray(0, bytes.length >> 1) });
      throw error;
    }
    this.#inode.change({ position, bytes });
  }

  async read(target: Uint8Array, position: number): Promise<number> {
    const part = this.#inode.now.view().subarray(position, position + target.length);
    target.set(part);
    return part.length;
  }

  async datasync(): Promise<void> {
    await this.#session.delay();
    try {
      if (this.#session.isOver('datasync', this.#path)) await never();
    } catch (error) {
      this.#inode.unsynced = [];
      throw error;
    }
    this.#inode.sync();
  }

  async truncate(bytes: number): Promise<void> {
    await undefined;
    if (this.#session.isOver('truncate', this.#path)) await never();
    this.#inode.change({ position: bytes, bytes: null });
  }

  async size(): Promise<number> {
    return this.#inode.now.bytes;
  }

  async close(): Promise<void> {}
}

function failure(code: string, path: string): Error {
  return Object.assign(new Error(`${code}: ${path}`), { code });
}
