import { copyBytes } from '../../core/copy-bytes.js';
import { type ByteSource, copyRange, createByteSource, equalRanges, hashRange } from '../byte-range.js';
import { keyedHash } from '../keyed-hash.js';
import { decodeUtf8 } from '../utf8-text.js';
import { bytesRetainedMax, type Column, grownSource, rowsInitial, rowsRetainedMax, writeVaruint } from './column.js';

/**
 * `LowCardinality(String)` in Native at revision 0:
 *
 *   UInt64  key version, 1                                     (for a column inside a Map: before the offsets)
 *   UInt64  flags: index width 0…2 = UInt8, 16, 32; 0x600 = keys follow and are the whole dictionary
 *   UInt64  number of keys, then the keys, each a varuint length and bytes; key 0 is '', the default
 *   UInt64  number of rows, then an index each
 *
 * Without rows nothing but the key version is written.
 */
const headBytes = 8 + 8 + 8;
const keysFollow = 0x600;
const keysInitial = 256;
/**
 * Slots looked at for one text. In a table at most half full chance needs some 50 among 10,000 keys, 100 among
 * millions; more means that the texts were chosen to share their hash. Then one is used that they cannot be chosen for.
 */
const probesMax = 256;

export class DictionaryColumn implements Column {
  #keys: ByteSource = createByteSource(new ArrayBuffer(4_096));
  #keysEnd = 1;
  #keyCount = 1;
  readonly #keyOffsets: number[] = [1];
  readonly #keyLengths: number[] = [0];
  readonly #keyHashes: number[] = [0];
  /** Open addressing with linear probing: 0 is free, else the key's index. At most half full. */
  #table = new Int32Array(2 * keysInitial);
  #indexes: Uint32Array;
  #lastKey = 0;
  /** Until the column is cleared, keys are found by `keyedHash`. */
  #isFlooded = false;
  #markedKeys = 1;
  #markedKeysEnd = 1;

  constructor(rows = rowsInitial) {
    this.#indexes = new Uint32Array(rows);
  }

  /** Hot path: once a text. `length` is above 0. */
  append(row: number, source: ByteSource, offset: number, length: number): void {
    this.#indexes[row] = this.intern(source, offset, length);
  }

  /** The same with the key's `hashRange` at hand; answers the index of the key. */
  appendHashed(row: number, source: ByteSource, offset: number, length: number, hash: number): number {
    const last = this.#lastKey;
    const key = this.#isKey(last, source, offset, length) ? last : this.#find(source, offset, length, hash);
    this.#indexes[row] = key;
    return key;
  }

  /** Index of a key of the dictionary, which is made when it is new. */
  intern(source: ByteSource, offset: number, length: number): number {
    if (length === 0) return 0;
    // Rows of one agent come together: the key is often that of the row before.
    const last = this.#lastKey;
    if (this.#isKey(last, source, offset, length)) return last;
    return this.#find(source, offset, length, hashRange(source, offset, length));
  }

  set(row: number, key: number): void {
    this.#indexes[row] = key;
  }

  /** Key of a row, for grouping within a batch. */
  keyAt(row: number): number {
    return this.#indexes[row]!;
  }

  get keyCount(): number {
    return this.#keyCount;
  }

  keyText(key: number): string {
    const offset = this.#keyOffsets[key]!;
    return key === 0 ? '' : decodeUtf8(this.#keys.bytes.subarray(offset, offset + this.#keyLengths[key]!));
  }

  #isKey(key: number, source: ByteSource, offset: number, length: number): boolean {
    return this.#keyLengths[key] === length && equalRanges(this.#keys, this.#keyOffsets[key]!, source, offset, length);
  }

  #find(source: ByteSource, offset: number, length: number, plainHash: number): number {
    const hash = this.#isFlooded ? keyedHash(source, offset, length) : plainHash;
    const mask = this.#table.length - 1;
    let slot = hash & mask;
    for (let probes = 1; ; probes++) {
      const key = this.#table[slot]!;
      if (key === 0) break;
      if (this.#keyHashes[key] === hash && this.#isKey(key, source, offset, length)) {
        this.#lastKey = key;
        return key;
      }
      if (probes === probesMax && !this.#isFlooded) return this.#findFlooded(source, offset, length);
      slot = (slot + 1) & mask;
    }
    return this.#add(slot, source, offset, length, hash);
  }

  #findFlooded(source: ByteSource, offset: number, length: number): number {
    this.#isFlooded = true;
    for (let key = 1; key < this.#keyCount; key++) {
      this.#keyHashes[key] = keyedHash(this.#keys, this.#keyOffsets[key]!, this.#keyLengths[key]!);
    }
    this.#fillTable(this.#table.length);
    return this.#find(source, offset, length, 0);
  }

  #add(slot: number, source: ByteSource, offset: number, length: number, hash: number): number {
    const key = this.#keyCount++;
    const needed = this.#keysEnd + length + 8;
    if (needed > this.#keys.bytes.length) this.#keys = grownSource(this.#keys, this.#keysEnd, needed);
    const at = writeVaruint(this.#keys.bytes, this.#keysEnd, length);
    copyRange(source, offset, this.#keys, at, length);
    this.#keysEnd = at + length;
    this.#keyOffsets[key] = at;
    this.#keyLengths[key] = length;
    this.#keyHashes[key] = hash;
    this.#table[slot] = key;
    this.#lastKey = key;
    if (2 * this.#keyCount > this.#table.length) this.#fillTable(2 * this.#table.length);
    return key;
  }

  #fillTable(slots: number): void {
    this.#table = new Int32Array(slots);
    for (let key = 1; key < this.#keyCount; key++) this.#table[this.#slotOf(key, 0)] = key;
  }

  /** The slot where probing for `key` meets `content` first. */
  #slotOf(key: number, content: number): number {
    const mask = this.#table.length - 1;
    let slot = this.#keyHashes[key]! & mask;
    while (this.#table[slot] !== content) slot = (slot + 1) & mask;
    return slot;
  }

  reserve(capacity: number): void {
    if (capacity <= this.#indexes.length) return;
    const grown = new Uint32Array(capacity);
    grown.set(this.#indexes);
    this.#indexes = grown;
  }

  /** Rows for which there is room. */
  get capacity(): number {
    return this.#indexes.length;
  }

  mark(): void {
    this.#markedKeys = this.#keyCount;
    this.#markedKeysEnd = this.#keysEnd;
  }

  /** Keys go in the reverse order of their coming, so that clearing a slot never breaks another key's probing. */
  restore(markedRows: number, rows: number): void {
    for (let key = this.#keyCount - 1; key >= this.#markedKeys; key--) this.#table[this.#slotOf(key, key)] = 0;
    this.#keyCount = this.#markedKeys;
    this.#keysEnd = this.#markedKeysEnd;
    this.#lastKey = 0;
    this.#indexes.fill(0, markedRows, rows);
  }

  byteLength(rows: number): number {
    return 8 + this.bodyByteLength(rows);
  }

  write(out: Uint8Array, offset: number, rows: number): number {
    return this.writeBody(out, this.writeVersion(out, offset), rows);
  }

  writeVersion(out: Uint8Array, offset: number): number {
    out[offset] = 1;
    for (let at = offset + 1; at < offset + 8; at++) out[at] = 0;
    return offset + 8;
  }

  bodyByteLength(rows: number): number {
    return rows === 0 ? 0 : headBytes + this.#keysEnd + rows * (1 << this.#indexWidth());
  }

  /** Everything behind the key version. */
  writeBody(out: Uint8Array, offset: number, rows: number): number {
    if (rows === 0) return offset;
    const width = this.#indexWidth();
    const view = new DataView(out.buffer, out.byteOffset, out.byteLength);
    writeWord(view, offset, keysFollow | width);
    writeWord(view, offset + 8, this.#keyCount);
    this.#keys.bytes[0] = 0;
    copyBytes(this.#keys.bytes.subarray(0, this.#keysEnd), out, offset + 16);
    let at = offset + 16 + this.#keysEnd;
    writeWord(view, at, rows);
    at += 8;
    const indexes = this.#indexes;
    if (width === 0) {
      for (let row = 0; row < rows; row++) out[at++] = indexes[row]!;
    } else if (width === 1) {
      for (let row = 0; row < rows; row++, at += 2) view.setUint16(at, indexes[row]!, true);
    } else {
      for (let row = 0; row < rows; row++, at += 4) view.setUint32(at, indexes[row]!, true);
    }
    return at;
  }

  #indexWidth(): number {
    return this.#keyCount <= 0x100 ? 0 : this.#keyCount <= 0x1_0000 ? 1 : 2;
  }

  clear(rows: number): void {
    if (this.#keyCount > rowsRetainedMax || this.#keys.bytes.length > bytesRetainedMax) this.#shrink();
    else if (this.#keyCount > 1) this.#table.fill(0);
    if (this.#indexes.length > rowsRetainedMax) this.#indexes = new Uint32Array(rowsInitial);
    else this.#indexes.fill(0, 0, rows);
    this.#keysEnd = 1;
    this.#keyCount = 1;
    this.#lastKey = 0;
    this.#isFlooded = false;
  }

  #shrink(): void {
    this.#keys = createByteSource(new ArrayBuffer(4_096));
    for (const list of [this.#keyOffsets, this.#keyLengths, this.#keyHashes]) list.length = 1;
    this.#table = new Int32Array(2 * keysInitial);
  }
}

/** A UInt64 below 2^32. */
function writeWord(view: DataView, offset: number, value: number): void {
  view.setUint32(offset, value, true);
  view.setUint32(offset + 4, 0, true);
}
