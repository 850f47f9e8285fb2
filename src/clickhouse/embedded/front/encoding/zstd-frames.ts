import { Transform } from 'node:stream';

/**
 * Cuts Zstandard into frames, for an `inflate` that takes one at a time and bounds nothing:
 *
 *     frame   magic FD2FB528 · descriptor · [window] · [dictionary] · [content size] · blocks · [checksum]
 *     block   3 bytes, little-endian: last (1 bit), type (2 bits; 1 repeats one byte), size (21 bits), then its bytes
 *
 * Frames may follow each other, and ones to be skipped (magic 184D2A50 to 5F, size). What a frame claims or may become
 * is bounded by 128 MiB, as Node bounds its window: the window, its size, and 1,024 blocks of 128 KiB.
 */
export function createFrameInflater(inflate: (frame: Buffer) => Uint8Array): Transform {
  let held = Buffer.alloc(65_536);
  let bytes = 0;
  return new Transform({
    transform(chunk: Buffer, _, done) {
      try {
        if (bytes + chunk.length > held.length) {
          held = Buffer.concat([held.subarray(0, bytes)], Math.max(2 * held.length, bytes + chunk.length));
        }
        chunk.copy(held, bytes);
        bytes += chunk.length;
        let at = 0;
        for (let frame = frameOf(held.subarray(at, bytes)); frame !== null; frame = frameOf(held.subarray(at, bytes))) {
          at += frame.bytes;
          if (!frame.isSkipped) this.push(inflate(held.subarray(at - frame.bytes, at)));
        }
        held.copyWithin(0, at, bytes);
        bytes -= at;
        done();
      } catch (error) {
        done(refused(error));
      }
    },
    flush: (done) => done(bytes === 0 ? null : refused('the body ends within a frame')),
  });
}

/** The frame that these bytes begin with; null when it is not complete. Throws for what is none. */
function frameOf(bytes: Buffer): { readonly bytes: number; readonly isSkipped: boolean } | null {
  if (bytes.length < 9) return null;
  const magic = bytes.readUInt32LE(0);
  if ((magic & 0xfffffff0) >>> 0 === skippedMagic) {
    const length = 8 + bytes.readUInt32LE(4);
    if (length > frameBytesMax) throw new Error('a frame to be skipped is too large');
    return bytes.length < length ? null : { bytes: length, isSkipped: true };
  }
  if (magic !== frameMagic) throw new Error('this is no frame');
  const descriptor = bytes[4] ?? 0;
  const isWhole = (descriptor & 0x20) !== 0;
  const sizeBytes = descriptor >> 6 === 0 ? Number(isWhole) : 1 << (descriptor >> 6);
  const sizeAt = 5 + Number(!isWhole) + (dictionaryBytes[descriptor & 3] ?? 0);
  let at = sizeAt + sizeBytes;
  if (bytes.length < at) return null;
  const window = isWhole ? 0 : windowOf(bytes[5] ?? 0);
  if (Math.max(window, sizeOf(bytes, sizeAt, sizeBytes)) > frameBytesMax) throw new Error('a frame is too large');
  for (let block = 0; block < blocksMax; block++) {
    if (bytes.length < at + 3) return null;
    const head = bytes.readUIntLE(at, 3);
    at += 3 + (((head >> 1) & 3) === 1 ? 1 : head >> 3);
    if ((head & 1) === 0) continue;
    if ((descriptor & 4) !== 0) at += 4;
    return bytes.length < at ? null : { bytes: at, isSkipped: false };
  }
  throw new Error('a frame has too many blocks');
}

function windowOf(descriptor: number): number {
  return 2 ** (10 + (descriptor >> 3)) * (1 + (descriptor & 7) / 8);
}

function sizeOf(bytes: Buffer, at: number, count: number): number {
  if (count === 8) return Number(bytes.readBigUInt64LE(at));
  return count === 0 ? 0 : bytes.readUIntLE(at, count);
}

/** With a code as Node's own have. */
function refused(cause: unknown): Error {
  return Object.assign(new Error('cannot inflate Zstandard', { cause }), { code: 'ZSTD_frame' });
}

const frameMagic = 0xfd2fb528;
const skippedMagic = 0x184d2a50;
const dictionaryBytes = [0, 1, 2, 4];
const frameBytesMax = 134_217_728;
const blocksMax = 1_024;
