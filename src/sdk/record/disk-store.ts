import {
  closeSync,
  existsSync,
  ftruncateSync,
  openSync,
  readdirSync,
  readFileSync,
  readSync,
  rmSync,
  writevSync,
} from 'node:fs';
import { join } from 'node:path';
import { crc32 } from 'node:zlib';
import type { FrameStore, StoredFrame } from '../client-options.js';
import type { EncodedFrame } from '../wire.js';

/**
 * Frames of one producer in append-only files, `<producer>.<first number>.frames`:
 *
 *   u32 length, u32 events, u32 CRC-32 of the frame, little-endian, then `length` bytes: the frame as it is sent, its
 *   number included
 *
 * What is written survives the process, not the machine: nothing is synced. A file goes when its last frame is
 * acknowledged. What does not match its CRC ends its file: a write was cut off there, or the machine was.
 *
 * What was accepted stays: beyond `bytesMax` the newest frame is refused. One that cannot be written, as the disk is
 * full or fails, is kept in memory, up to `memoryBytesMax`; beyond that it is refused too.
 */
const headBytes = 12;
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
  readonly memoryBytesMax: number;
  readonly onProblem: (text: string) => void;
}

export class DiskStore implements FrameStore {
  readonly #options: DiskStoreOptions;
  readonly #files: FrameFile[] = [];
  readonly #found: StoredFrame[] = [];
  /** Frames that could not be written, in order. */
  #held: { readonly seq: number; readonly bytes: number }[] = [];
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
    if (this.#bytes() + frame.length + headBytes > this.#options.bytesMax) return null;
    try {
      const file = this.#fileFor(seq);
      const head = Buffer.alloc(headBytes);
      head.writeUInt32LE(frame.length, 0);
      head.writeUInt32LE(count, 4);
      const crc = crc32(frame);
      head.writeUInt32LE(crc, 8);
      const written = writevSync(file.fd, [head, frame], file.bytes);
      if (written !== headBytes + frame.length) throw new Error(`${written} bytes were written`);
      const stored = storedFrame(file, { offset: file.bytes + headBytes, length: frame.length, crc });
      file.bytes += written;
      file.lastSeq = seq;
      return stored;
    } catch (error) {
      this.#options.onProblem(`cannot write to ${this.#options.directory}: ${String(error)}`);
      return this.#hold(seq, frame);
    }
  }

  /** The numbers of a file follow each other: what comes after this one begins another. */
  #hold(seq: number, frame: Uint8Array): EncodedFrame | null {
    this.#leaveLast();
    if (this.#heldBytes() + frame.length > this.#options.memoryBytesMax) return null;
    this.#held.push({ seq, bytes: frame.length });
    return { bytes: frame.length, stamped: () => frame };
  }

  /** Without what was written of a frame that is not in it. */
  #leaveLast(): void {
    const last = this.#files.at(-1);
    if (last === undefined || !this.#mayAppend) return;
    this.#mayAppend = false;
    if (last.lastSeq === 0) {
      this.#files.pop();
      closeSync(last.fd);
      rmSync(last.path, { force: true });
      return;
    }
    try {
      ftruncateSync(last.fd, last.bytes);
    } catch {
      // Whoever reads it stops there.
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
    if (this.#held.length > 0) this.#held = this.#held.filter((frame) => frame.seq > seq);
  }

  close(): void {
    for (const { fd } of this.#files.splice(0)) closeSync(fd);
  }

  #bytes(): number {
    return this.#files.reduce((sum, { bytes }) => sum + bytes, 0);
  }

  #heldBytes(): number {
    return this.#held.reduce((sum, { bytes }) => sum + bytes, 0);
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
      const crc = content.readUInt32LE(at + 8);
      const frame = content.subarray(at + headBytes, at + headBytes + length);
      if (length === 0 || length > frameBytesMax || frame.length < length || crc32(frame) !== crc) {
        this.#options.onProblem(`${path} is damaged from byte ${at} on: what stands behind that is not sent`);
        break;
      }
      const encoded = storedFrame(file, { offset: at + headBytes, length, crc });
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

interface FramePlace {
  readonly offset: number;
  readonly length: number;
  readonly crc: number;
}

/** Read again each time it is sent: memory has only where it is. */
function storedFrame({ fd, path }: FrameFile, { offset, length, crc }: FramePlace): EncodedFrame {
  return {
    bytes: length,
    stamped() {
      const frame = Buffer.allocUnsafe(length);
      const read = readSync(fd, frame, 0, length, offset);
      if (read < length || crc32(frame) !== crc) throw new Error(`${path} is damaged at byte ${offset}`);
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
