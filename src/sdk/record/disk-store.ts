import { closeSync, existsSync, openSync, readdirSync, readFileSync, readSync, rmSync, writevSync } from 'node:fs';
import { join } from 'node:path';
import type { FrameStore, StoredFrame } from '../client-options.js';
import type { EncodedFrame } from '../wire.js';

/**
 * Frames of one producer in append-only files, `<producer>.<first number>.frames`:
 *
 *   u32 length, u32 events, then `length` bytes: the frame as it is sent, its number included; little-endian
 *
 * What is written survives the process, not the machine: nothing is synced. A file goes when its last frame is
 * acknowledged. What a write that was cut off left at the end of the last file is not a frame.
 */
const headBytes = 8;
const frameBytesMax = 16_777_216;
const fileBytesMax = 8_388_608;

interface FrameFile {
  readonly path: string;
  readonly fd: number;
  bytes: number;
  lastSeq: number;
}

export interface DiskStoreOptions {
  readonly directory: string;
  readonly producer: string;
  readonly bytesMax: number;
  readonly onProblem: (text: string) => void;
}

export class DiskStore implements FrameStore {
  readonly #options: DiskStoreOptions;
  readonly #files: FrameFile[] = [];
  readonly #found: StoredFrame[] = [];
  /** The last file may end in a cut-off frame: it is not written to. */
  #mayAppend = false;

  /** Reads what is there of this producer. Throws when the directory cannot be read. */
  constructor(options: DiskStoreOptions) {
    this.#options = options;
    for (const path of framePaths(options.directory, options.producer)) this.#read(path);
  }

  get isEmpty(): boolean {
    return this.#files.length === 0;
  }

  frames(): Iterable<StoredFrame> {
    return this.#found;
  }

  put(seq: number, encoded: EncodedFrame, count: number): EncodedFrame | null {
    const stamped = encoded.stamped(seq);
    const frame = typeof stamped === 'string' ? Buffer.from(stamped) : stamped;
    try {
      if (this.#bytes() + frame.length + headBytes > this.#options.bytesMax) return null;
      const file = this.#fileFor(seq);
      const head = Buffer.alloc(headBytes);
      head.writeUInt32LE(frame.length, 0);
      head.writeUInt32LE(count, 4);
      const written = writevSync(file.fd, [head, frame], file.bytes);
      if (written !== headBytes + frame.length) throw new Error(`${written} bytes were written`);
      const stored = storedFrame(file, { offset: file.bytes + headBytes, length: frame.length });
      file.bytes += written;
      file.lastSeq = seq;
      return stored;
    } catch (error) {
      // What was written of it is overwritten by the next.
      this.#options.onProblem(`cannot write to ${this.#options.directory}: ${String(error)}`);
      return null;
    }
  }

  acknowledged(seq: number): void {
    while (this.#files[0] !== undefined && this.#files[0].lastSeq <= seq) {
      const [file] = this.#files.splice(0, 1);
      if (file === undefined) return;
      closeSync(file.fd);
      rmSync(file.path, { force: true });
    }
    if (this.#files.length === 0) this.#mayAppend = false;
  }

  close(): void {
    for (const { fd } of this.#files.splice(0)) closeSync(fd);
  }

  #bytes(): number {
    return this.#files.reduce((sum, { bytes }) => sum + bytes, 0);
  }

  #fileFor(seq: number): FrameFile {
    const last = this.#files.at(-1);
    if (last !== undefined && this.#mayAppend && last.bytes < fileBytesMax) return last;
    const path = join(this.#options.directory, `${this.#options.producer}.${String(seq).padStart(16, '0')}.frames`);
    const file: FrameFile = { path, fd: openSync(path, 'w+', 0o600), bytes: 0, lastSeq: 0 };
    this.#files.push(file);
    this.#mayAppend = true;
    return file;
  }

  #read(path: string): void {
    const content = readFileSync(path);
    const first = Number(path.split('.').at(-2));
    const file: FrameFile = { path, fd: openSync(path, 'r'), bytes: content.length, lastSeq: 0 };
    let seq = first;
    for (let at = 0; at + headBytes <= content.length; seq += 1) {
      const length = content.readUInt32LE(at);
      const count = content.readUInt32LE(at + 4);
      if (length === 0 || length > frameBytesMax || at + headBytes + length > content.length) break;
      const encoded = storedFrame(file, { offset: at + headBytes, length });
      this.#found.push({ seq, count, encoded });
      file.lastSeq = seq;
      at += headBytes + length;
    }
    if (file.lastSeq > 0) {
      this.#files.push(file);
      return;
    }
    closeSync(file.fd);
    rmSync(path, { force: true });
  }
}

/** Read again each time it is sent: memory has only where it is. */
function storedFrame({ fd }: FrameFile, at: { readonly offset: number; readonly length: number }): EncodedFrame {
  return {
    bytes: at.length,
    stamped() {
      const frame = Buffer.allocUnsafe(at.length);
      readSync(fd, frame, 0, at.length, at.offset);
      return frame;
    },
  };
}

/** In the order of their numbers, which all have the same width. */
function framePaths(directory: string, producer: string): string[] {
  if (!existsSync(directory)) return [];
  const isOfProducer = (name: string): boolean => name.startsWith(`${producer}.`) && name.endsWith('.frames');
  const names = readdirSync(directory).filter(isOfProducer).sort();
  return names.map((name) => join(directory, name));
}
