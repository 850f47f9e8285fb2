import { closeSync, fsync, openSync, readdirSync } from 'node:fs';
import { errorCode, type FileSystem, NodeFile, nodeFileSystem, openFlags } from './file-system.js';

/**
 * The file system with descriptors put aside: when the process may open no more, because clients have them all, one
 * that was put aside is given up, and the file is opened in its place in the same turn of the event loop, before
 * another connection can be accepted. Blocking for an open is the price. What is closed fills the reserve again.
 */
export function createReservedFileSystem(descriptors = descriptorsDefault): FileSystem {
  const reserve = new DescriptorReserve(descriptors);
  reserve.fill();
  const open: FileSystem['open'] = async (path, mode) => {
    const opened = await reserve.instead(nodeFileSystem.open(path, mode), () => openSync(path, openFlags[mode], 0o600));
    return typeof opened === 'number' ? new NodeFile(opened, () => reserve.fill()) : opened;
  };
  return {
    ...nodeFileSystem,
    open,
    list: (path) => reserve.instead(nodeFileSystem.list(path), () => readdirSync(path)),
    async syncDirectory(path) {
      const fd = await reserve.instead(nodeFileSystem.syncDirectory(path), () => openSync(path, 'r'));
      if (fd === undefined) return;
      try {
        await new Promise<void>((resolve, reject) => fsync(fd, (error) => (error ? reject(error) : resolve())));
      } finally {
        closeSync(fd);
        reserve.fill();
      }
    },
  };
}

/** Two files a segment, some of them, the journals and the directory. */
const descriptorsDefault = 24;

class DescriptorReserve {
  readonly #size: number;
  readonly #kept: number[] = [];

  constructor(size: number) {
    this.#size = size;
  }

  /** As far as it goes. */
  fill(): void {
    try {
      while (this.#kept.length < this.#size) this.#kept.push(openSync('/dev/null', 'r'));
    } catch (error) {
      if (!isExhaustion(error)) throw error;
    }
  }

  /** What `usual` resolves with, or when there was no descriptor for that, what `now` gets with one of the reserve. */
  async instead<Usual, Now>(usual: Promise<Usual>, now: () => Now): Promise<Usual | Now> {
    let exhaustion: unknown;
    try {
      const result = await usual;
      if (this.#kept.length < this.#size) this.fill();
      return result;
    } catch (error) {
      if (!isExhaustion(error)) throw error;
      exhaustion = error;
    }
    // Another thread may take the descriptor that is given up; then it is the next one's turn.
    for (let fd = this.#kept.pop(); fd !== undefined; fd = this.#kept.pop()) {
      closeSync(fd);
      try {
        return now();
      } catch (error) {
        if (!isExhaustion(error)) throw error;
      }
    }
    throw exhaustion;
  }
}

function isExhaustion(error: unknown): boolean {
  const code = errorCode(error);
  return code === 'EMFILE' || code === 'ENFILE';
}
