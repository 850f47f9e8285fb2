import type { Random } from '../../src/core/clock.js';
import type { DiskSpace, FileSystem, OpenFile } from '../../src/spool/file-system.js';

/** Operations that can be made to fail. */
export type FaultyOperation = 'open' | 'write' | 'datasync' | 'truncate' | 'rename' | 'remove' | 'syncDirectory';

interface Change {
  readonly position: number;
  readonly bytes: Uint8Array | null;
  /** A truncation to `position` when `bytes` is null. */
}

/** A file: what reading shows now, what a crash leaves for certain, and the changes in between. */
interface Inode {
  now: Uint8Array;
  durable: Uint8Array;
  unsynced: Change[];
}

/** Names that change together: a rename is atomic. */
type DirectoryChange = ReadonlyMap<string, Inode | null>;

/**
 * A file system in memory that behaves as a disk does at its worst: a crash keeps what was synced and any part of
 * what was not (whole changes, torn ones, none), and after a failed sync the changes can be read but no later sync
 * writes them.
 * One flat directory per path; names are full paths.
 */
export class FaultyFileSystem implements FileSystem {
  /** Counted by operation, successful or not. */
  readonly counts = new Map<FaultyOperation, number>();
  space: DiskSpace = { usedBytes: 0, availableBytes: 1e15, availableFiles: 1e6 };
  /** Awaited by every datasync before it takes effect: holds syncs back. */
  syncGate: Promise<void> = Promise.resolve();
  /** Files that are open now. */
  openFiles = 0;
  readonly #names = new Map<string, Inode>();
  #durableNames = new Map<string, Inode>();
  #unsyncedNames: DirectoryChange[] = [];
  readonly #faults: ((operation: FaultyOperation, path: string) => string | null)[] = [];
  #crashed = false;

  /** `fault` returns the code to fail with, or null; asked before each operation takes effect. */
  addFault(fault: (operation: FaultyOperation, path: string) => string | null): () => void {
    this.#faults.push(fault);
    return () => {
      this.#faults.splice(this.#faults.indexOf(fault), 1);
    };
  }

  /** Fails the operation with this number (from 1) once. A failing write leaves `writtenBytes` of it behind. */
  failOnce(operation: FaultyOperation, code: string, nth = (this.counts.get(operation) ?? 0) + 1): void {
    this.addFault((each) => (each === operation && this.counts.get(each) === nth ? code : null));
  }

  files(): string[] {
    return [...this.#names.keys()].sort();
  }

  content(path: string): Uint8Array {
    return this.#mustFind(path).now;
  }

  /** Changes a file behind the spool's back, durably. */
  setContent(path: string, content: Uint8Array): void {
    const inode: Inode = this.#names.get(path) ?? { now: content, durable: content, unsynced: [] };
    inode.now = Uint8Array.from(content);
    inode.durable = inode.now;
    inode.unsynced = [];
    this.#names.set(path, inode);
    this.#durableNames.set(path, inode);
  }

  deleteFile(path: string): void {
    this.#names.delete(path);
    this.#durableNames.delete(path);
  }

  /** The process dies, the machine does not: everything written is still there. This one fails from now on. */
  kill(): FaultyFileSystem {
    this.#crashed = true;
    const next = new FaultyFileSystem();
    for (const [name, inode] of this.#names) next.#adopt(name, { ...inode, unsynced: [...inode.unsynced] });
    next.#durableNames = new Map();
    for (const [name, inode] of this.#names) if (this.#durableNames.get(name) === inode) next.#keepDurable(name);
    next.#unsyncedNames = next.files().flatMap((name) => {
      const inode = next.#names.get(name)!;
      return next.#durableNames.has(name) ? [] : [new Map([[name, inode]])];
    });
    return next;
  }

  /** Power is lost: a new file system with what was synced and an arbitrary part of what was not. */
  crash(random: Random): FaultyFileSystem {
    this.#crashed = true;
    const next = new FaultyFileSystem();
    const names = new Map(this.#durableNames);
    // Directories are journalled: a prefix of the changes has happened.
    const kept = Math.floor(random() * (this.#unsyncedNames.length + 1));
    for (const change of this.#unsyncedNames.slice(0, kept)) rebind(names, change);
    for (const [name, inode] of names) next.setContent(name, survivingContent(inode, random));
    return next;
  }

  async open(path: string, mode: 'create' | 'update' | 'read'): Promise<OpenFile> {
    this.#begin('open', path);
    const existing = this.#names.get(path);
    if (mode === 'create') {
      if (existing !== undefined) throw failure('EEXIST', path);
      const inode: Inode = { now: new Uint8Array(0), durable: new Uint8Array(0), unsynced: [] };
      this.#rebind(new Map([[path, inode]]));
      return new FaultyFile(this, path, inode);
    }
    return new FaultyFile(this, path, this.#mustFind(path));
  }

  async makeDirectory(): Promise<void> {}

  async list(path: string): Promise<string[]> {
    return this.files()
      .filter((name) => name.startsWith(`${path}/`))
      .map((name) => name.slice(path.length + 1));
  }

  async rename(from: string, to: string): Promise<void> {
    this.#begin('rename', from);
    const inode = this.#mustFind(from);
    this.#rebind(
      new Map([
        [to, inode],
        [from, null],
      ]),
    );
  }

  async remove(path: string): Promise<void> {
    this.#begin('remove', path);
    if (this.#names.has(path)) this.#rebind(new Map([[path, null]]));
  }

  async syncDirectory(path: string): Promise<void> {
    this.#begin('syncDirectory', path);
    this.#durableNames = new Map(this.#names);
    this.#unsyncedNames = [];
  }

  async diskSpace(): Promise<DiskSpace> {
    return this.space;
  }

  /** Counts an operation and throws when it is to fail. */
  begin(operation: FaultyOperation, path: string): void {
    this.#begin(operation, path);
  }

  #begin(operation: FaultyOperation, path: string): void {
    if (this.#crashed) throw failure('EIO', `${path} (the machine is off)`);
    this.counts.set(operation, (this.counts.get(operation) ?? 0) + 1);
    for (const fault of this.#faults) {
      const code = fault(operation, path);
      if (code !== null) throw failure(code, path);
    }
  }

  #mustFind(path: string): Inode {
    const inode = this.#names.get(path);
    if (inode === undefined) throw failure('ENOENT', path);
    return inode;
  }

  #rebind(change: DirectoryChange): void {
    rebind(this.#names, change);
    this.#unsyncedNames.push(change);
  }

  #adopt(name: string, inode: Inode): void {
    this.#names.set(name, inode);
  }

  #keepDurable(name: string): void {
    this.#durableNames.set(name, this.#names.get(name)!);
  }
}

function rebind(names: Map<string, Inode>, change: DirectoryChange): void {
  for (const [name, inode] of change) {
    if (inode === null) names.delete(name);
    else names.set(name, inode);
  }
}

class FaultyFile implements OpenFile {
  readonly #disk: FaultyFileSystem;
  readonly #path: string;
  readonly #inode: Inode;
  #closed = false;
  #poisoned = false;

  constructor(disk: FaultyFileSystem, path: string, inode: Inode) {
    this.#disk = disk;
    this.#path = path;
    this.#inode = inode;
    disk.openFiles++;
  }

  async write(chunks: readonly Uint8Array[], position: number): Promise<void> {
    this.#use();
    const bytes = Uint8Array.from(Buffer.concat(chunks));
    await Promise.resolve();
    try {
      this.#disk.begin('write', this.#path);
    } catch (error) {
      // Half of it has arrived, as it does when the disk fills up.
      this.#change({ position, bytes: bytes.slice(0, bytes.length >> 1) });
      throw error;
    }
    this.#change({ position, bytes });
  }

  async read(target: Uint8Array, position: number): Promise<number> {
    this.#use();
    const part = this.#inode.now.subarray(position, position + target.length);
    target.set(part);
    return part.length;
  }

  async datasync(): Promise<void> {
    this.#use();
    if (this.#poisoned) throw new Error(`${this.#path} is synced again after a failed sync`);
    await this.#disk.syncGate;
    try {
      this.#disk.begin('datasync', this.#path);
    } catch (error) {
      this.#poisoned = true;
      // The kernel marks the pages clean: they can be read, and no later sync writes them.
      this.#inode.unsynced = [];
      throw error;
    }
    for (const change of this.#inode.unsynced) this.#inode.durable = applied(this.#inode.durable, change);
    this.#inode.unsynced = [];
  }

  async truncate(bytes: number): Promise<void> {
    this.#use();
    this.#disk.begin('truncate', this.#path);
    this.#change({ position: bytes, bytes: null });
  }

  async size(): Promise<number> {
    this.#use();
    return this.#inode.now.length;
  }

  async close(): Promise<void> {
    if (!this.#closed) this.#disk.openFiles--;
    this.#closed = true;
  }

  #use(): void {
    if (this.#closed) throw failure('EBADF', this.#path);
  }

  #change(change: Change): void {
    this.#inode.now = applied(this.#inode.now, change);
    this.#inode.unsynced.push(change);
  }
}

function applied(content: Uint8Array, { position, bytes }: Change): Uint8Array {
  const end = bytes === null ? position : Math.max(content.length, position + bytes.length);
  const next = new Uint8Array(end);
  next.set(content.subarray(0, Math.min(content.length, end)));
  if (bytes !== null) next.set(bytes, position);
  return next;
}

/** Each change has reached the disk whole, in part, as a hole of zeros, or not at all, independently of the others. */
function survivingContent(inode: Inode, random: Random): Uint8Array {
  let content = inode.durable;
  for (const change of inode.unsynced) {
    const fate = random();
    if (fate < 0.25) continue;
    if (fate < 0.6 || change.bytes === null) content = applied(content, change);
    else if (fate < 0.85) {
      const kept = Math.floor(random() * change.bytes.length);
      content = applied(content, { position: change.position, bytes: change.bytes.slice(0, kept) });
    } else {
      const hole = Uint8Array.from(change.bytes);
      const from = Math.floor(random() * hole.length);
      hole.fill(0, from, from + Math.ceil(random() * 64));
      content = applied(content, { position: change.position, bytes: hole });
    }
  }
  return content;
}

function failure(code: string, path: string): Error {
  return Object.assign(new Error(`${code}: ${path}`), { code });
}
