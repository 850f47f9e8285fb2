import * as fs from 'node:fs';
import * as fsPromises from 'node:fs/promises';

/**
 * The file operations the spool is built on, so that a test can inject faults and lose what was not synced.
 * Every call rejects with Node's error (a `code` such as `ENOSPC` or `EIO`).
 */
export interface FileSystem {
  /** `create` fails when the path exists. All three start at position 0 and never append implicitly. */
  open(path: string, mode: 'create' | 'update' | 'read'): Promise<OpenFile>;
  makeDirectory(path: string): Promise<void>;
  /** Names, in no particular order. */
  list(path: string): Promise<string[]>;
  rename(from: string, to: string): Promise<void>;
  /** A path that does not exist is not an error: deletion is repeated after a crash. */
  remove(path: string): Promise<void>;
  /** Makes creations, renames and deletions in a directory durable. */
  syncDirectory(path: string): Promise<void>;
  diskSpace(path: string): Promise<DiskSpace>;
}

export interface OpenFile {
  /** Writes all bytes of `chunks`, one after another, from `position`; the chunks must not change until it settles. */
  write(chunks: readonly Uint8Array[], position: number): Promise<void>;
  /** Fills `target` as far as the file goes; resolves with the number of bytes read. */
  read(target: Uint8Array, position: number): Promise<number>;
  /** fdatasync: contents and length are on the disk when it resolves. */
  datasync(): Promise<void>;
  truncate(bytes: number): Promise<void>;
  size(): Promise<number>;
  close(): Promise<void>;
}

/** What a process without privileges sees, as `df` counts it. */
export interface DiskSpace {
  readonly usedBytes: number;
  readonly availableBytes: number;
  /** Files that can still be made; null: the file system does not count them. */
  readonly availableFiles: number | null;
}

export const openFlags = { create: 'wx+', update: 'r+', read: 'r' } as const;

/** Node's fs by callbacks: a group sync costs four calls, and FileHandle makes each of them dearer. */
export const nodeFileSystem: FileSystem = {
  open: (path, mode) =>
    new Promise((resolve, reject) => {
      fs.open(path, openFlags[mode], 0o600, (error, fd) => {
        if (error) reject(error);
        else if (mode === 'read') refuseDirectory(fd, path, (refusal) => settle(refusal, fd));
        else settle(null, fd);
      });
      const settle = (refusal: Error | null, fd: number) => (refusal ? reject(refusal) : resolve(new NodeFile(fd)));
    }),
  async makeDirectory(path) {
    await fsPromises.mkdir(path, { recursive: true, mode: 0o700 });
  },
  list: (path) => fsPromises.readdir(path),
  rename: (from, to) => fsPromises.rename(from, to),
  remove: (path) => fsPromises.rm(path, { force: true }),
  async syncDirectory(path) {
    const handle = await fsPromises.open(path, 'r');
    try {
      await handle.sync();
    } finally {
      await handle.close();
    }
  },
  async diskSpace(path) {
    const stats = await fsPromises.statfs(path);
    return {
      usedBytes: (stats.blocks - stats.bfree) * stats.bsize,
      availableBytes: stats.bavail * stats.bsize,
      availableFiles: stats.files > 0 ? stats.ffree : null,
    };
  },
};

/** A directory can be opened, and every read of it fails without saying what was read. */
function refuseDirectory(fd: number, path: string, callback: (refusal: Error | null) => void): void {
  fs.fstat(fd, (error, stats) => {
    if (!error && !stats.isDirectory()) return callback(null);
    const message = `EISDIR: ${path} is a directory where a file should be; move it away`;
    fs.close(fd, () => callback(error ?? Object.assign(new Error(message), { code: 'EISDIR' })));
  });
}

export class NodeFile implements OpenFile {
  readonly #fd: number;
  readonly #onClosed: () => void;

  constructor(fd: number, onClosed: () => void = () => undefined) {
    this.#fd = fd;
    this.#onClosed = onClosed;
  }

  async write(chunks: readonly Uint8Array[], position: number): Promise<void> {
    let rest = chunks;
    let at = position;
    while (rest.length > 0) {
      const written = await this.#writeOnce(rest, at);
      at += written;
      rest = skipBytes(rest, written);
    }
  }

  #writeOnce(chunks: readonly Uint8Array[], position: number): Promise<number> {
    return new Promise((resolve, reject) => {
      fs.writev(this.#fd, chunks, position, (error, written) => (error ? reject(error) : resolve(written)));
    });
  }

  async read(target: Uint8Array, position: number): Promise<number> {
    let filled = 0;
    while (filled < target.length) {
      const count = await this.#readOnce(target, filled, position + filled);
      if (count === 0) break;
      filled += count;
    }
    return filled;
  }

  #readOnce(target: Uint8Array, offset: number, position: number): Promise<number> {
    return new Promise((resolve, reject) => {
      fs.read(this.#fd, target, offset, target.length - offset, position, (error, count) =>
        error ? reject(error) : resolve(count),
      );
    });
  }

  datasync(): Promise<void> {
    return new Promise((resolve, reject) => {
      fs.fdatasync(this.#fd, (error) => (error ? reject(error) : resolve()));
    });
  }

  truncate(bytes: number): Promise<void> {
    return new Promise((resolve, reject) => {
      fs.ftruncate(this.#fd, bytes, (error) => (error ? reject(error) : resolve()));
    });
  }

  size(): Promise<number> {
    return new Promise((resolve, reject) => {
      fs.fstat(this.#fd, (error, stats) => (error ? reject(error) : resolve(stats.size)));
    });
  }

  close(): Promise<void> {
    return new Promise((resolve, reject) => {
      fs.close(this.#fd, (error) => {
        this.#onClosed();
        if (error) reject(error);
        else resolve();
      });
    });
  }
}

/** What is left of `chunks` after its first `count` bytes; empty chunks are dropped. */
function skipBytes(chunks: readonly Uint8Array[], count: number): Uint8Array[] {
  const rest: Uint8Array[] = [];
  let skip = count;
  for (const chunk of chunks) {
    if (skip >= chunk.length) skip -= chunk.length;
    else {
      rest.push(skip === 0 ? chunk : chunk.subarray(skip));
      skip = 0;
    }
  }
  return rest;
}

/** The whole file, for files whose size is bounded. */
export async function readWhole(file: OpenFile): Promise<Buffer> {
  const bytes = Buffer.allocUnsafe(await file.size());
  const count = await file.read(bytes, 0);
  return bytes.subarray(0, count);
}

/** Opens, uses and closes a file, whatever happens. */
export async function withFile<Result>(
  opening: Promise<OpenFile>,
  use: (file: OpenFile) => Promise<Result>,
): Promise<Result> {
  const file = await opening;
  try {
    return await use(file);
  } finally {
    await file.close();
  }
}

/** Node's code of a failed file operation, for example `ENOSPC`. */
export function errorCode(error: unknown): string | undefined {
  if (typeof error !== 'object' || error === null || !('code' in error)) return undefined;
  return typeof error.code === 'string' ? error.code : undefined;
}
