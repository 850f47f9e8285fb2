/**
 * Ranges of a byte buffer, read four bytes at a time. Hot path: several calls an event.
 * A range of four bytes or more ends with a word that may overlap the one before, so there is no tail loop.
 */

/** A buffer with its view; both over the same bytes. */
export interface ByteSource {
  readonly bytes: Uint8Array;
  readonly view: DataView;
}

export function createByteSource(buffer: ArrayBufferLike): ByteSource {
  return { bytes: new Uint8Array(buffer), view: new DataView(buffer) };
}

export function createTextSource(text: string): ByteSource {
  const bytes = new TextEncoder().encode(text);
  return { bytes, view: new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength) };
}

/** Whether `length` bytes from `offset` are all below 0x80. */
export function isAscii(source: ByteSource, offset: number, length: number): boolean {
  let seen = 0;
  if (length >= 4) {
    const view = source.view;
    const last = offset + length - 4;
    seen = view.getInt32(last, true);
    for (let at = offset; at < last; at += 4) seen |= view.getInt32(at, true);
    return (seen & 0x80808080) === 0;
  }
  const bytes = source.bytes;
  for (let at = offset; at < offset + length; at++) seen |= bytes[at]!;
  return seen < 0x80;
}

/** Whether two ranges of the same length hold the same bytes. */
export function equalRanges(
  left: ByteSource,
  leftOffset: number,
  right: ByteSource,
  rightOffset: number,
  length: number,
): boolean {
  if (length >= 4) {
    const leftView = left.view;
    const rightView = right.view;
    const last = length - 4;
    for (let at = 0; at < last; at += 4) {
      if (leftView.getInt32(leftOffset + at, true) !== rightView.getInt32(rightOffset + at, true)) return false;
    }
    return leftView.getInt32(leftOffset + last, true) === rightView.getInt32(rightOffset + last, true);
  }
  for (let at = 0; at < length; at++) {
    if (left.bytes[leftOffset + at] !== right.bytes[rightOffset + at]) return false;
  }
  return true;
}

/** A 32-bit hash of a range, for tables within one batch. Rounds as in MurmurHash3 (Austin Appleby, public domain). */
export function hashRange(source: ByteSource, offset: number, length: number): number {
  let hash = length;
  if (length >= 4) {
    const view = source.view;
    const last = offset + length - 4;
    for (let at = offset; at < last; at += 4) hash = mixWord(hash, view.getInt32(at, true));
    hash = mixWord(hash, view.getInt32(last, true));
  } else {
    hash = mixWord(hash, shortWord(source, offset, length));
  }
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  return hash ^ (hash >>> 13);
}

function mixWord(hash: number, word: number): number {
  const mixed = Math.imul(word, 0xcc9e2d51);
  return Math.imul(hash ^ ((mixed << 15) | (mixed >>> 17)), 0x1b873593);
}

/** The bytes of a range below four as one word, the first lowest. */
export function shortWord(source: ByteSource, offset: number, length: number): number {
  let word = 0;
  for (let at = 0; at < length; at++) word |= source.bytes[offset + at]! << (8 * at);
  return word;
}

/** Above this a native copy is faster than words: 96 bytes cost 30 ns by words, 45 ns by `set(subarray)`. */
const wordCopyBytesMax = 128;

/** Copies a range; the target has room. */
export function copyRange(
  source: ByteSource,
  offset: number,
  target: ByteSource,
  targetOffset: number,
  length: number,
): void {
  if (length > wordCopyBytesMax) {
    target.bytes.set(source.bytes.subarray(offset, offset + length), targetOffset);
  } else if (length >= 4) {
    const from = source.view;
    const to = target.view;
    const last = length - 4;
    for (let at = 0; at < last; at += 4) to.setInt32(targetOffset + at, from.getInt32(offset + at, true), true);
    to.setInt32(targetOffset + last, from.getInt32(offset + last, true), true);
  } else {
    for (let at = 0; at < length; at++) target.bytes[targetOffset + at] = source.bytes[offset + at]!;
  }
}
