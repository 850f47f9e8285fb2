import { ClickHouseException } from '../../clickhouse-exception.js';
import { ByteSource } from './byte-source.js';
import { cityHash128 } from './city-hash.js';
import { compressLz4, uncompressLz4 } from './lz4-block.js';
import { uncompressZstd } from './zstd.js';

/**
 * ClickHouse's own compression, `compress=1` for an answer and `decompress=1` for a body: blocks one after another,
 * each by itself.
 *
 *     16 bytes   CityHash128, version 1.0.2, of all that follows in this block: low word, high word
 *      1 byte    method: 0x82 LZ4, 0x90 ZSTD, 0x02 none
 *      4 bytes   size from the method to the end: nine bytes of head, and the data
 *      4 bytes   bytes before compression
 *                the data: an LZ4 block (not a frame), a ZSTD frame, or the bytes as they are
 *
 * Numbers are little-endian. Answers are LZ4, as those of a server are, whatever the client compresses its bodies with.
 */
const method = { lz4: 0x82, zstd: 0x90, none: 0x02 } as const;
const hashBytes = 16;
const headBytes = 9;

/** Bytes of an answer that become one block: larger ones compress hardly better, and hold up everybody else. */
const blockBytesMax = 262_144;

/** LZ4 says at least 255 bytes with one. */
const lz4RatioMax = 255;

export async function* framed(chunks: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
  for await (const chunk of chunks) {
    for (let at = 0; at < chunk.length; at += blockBytesMax) yield block(chunk.subarray(at, at + blockBytesMax));
  }
}

function block(bytes: Buffer): Buffer {
  const sized = compressLz4(bytes);
  const head = Buffer.allocUnsafe(hashBytes + headBytes - 4);
  head.writeUInt8(method.lz4, hashBytes);
  head.writeUInt32LE(sized.length + headBytes - 4, hashBytes + 1);
  const whole = Buffer.concat([head, sized]);
  cityHash128(whole.subarray(hashBytes)).copy(whole);
  return whole;
}

/**
 * What was framed. Throws the server's codes: CHECKSUM_DOESNT_MATCH, UNKNOWN_COMPRESSION_METHOD, CANNOT_DECOMPRESS,
 * CANNOT_READ_ALL_DATA for a body that is cut off, TOO_LARGE_SIZE_COMPRESSED for a block that claims more than
 * `blockMax` bytes, before or after, which is looked at before anything is held for it.
 */
export async function* unframed(chunks: AsyncIterable<Buffer>, blockMax: number): AsyncGenerator<Buffer> {
  const source = new ByteSource(chunks);
  try {
    for (;;) {
      const hash = await source.tryTake(hashBytes);
      if (hash === null) return;
      const head = Buffer.from(await source.take(headBytes));
      const size = sizeOf(head, blockMax);
      const data = await source.take(size.dataBytes);
      const whole = Buffer.concat([head, data]);
      if (!cityHash128(whole).equals(hash)) {
        const problem = `Checksum doesn't match: corrupted data. Size of compressed block: ${whole.length}.`;
        throw new ClickHouseException('CHECKSUM_DOESNT_MATCH', problem);
      }
      yield inflated(whole, size.rawBytes);
    }
  } finally {
    await source.close();
  }
}

function sizeOf(head: Buffer, blockMax: number): { readonly dataBytes: number; readonly rawBytes: number } {
  const dataBytes = head.readUInt32LE(1) - headBytes;
  const rawBytes = head.readUInt32LE(5);
  const [kind] = head;
  if (kind !== method.lz4 && kind !== method.zstd && kind !== method.none) {
    const named = `0x${head.toString('hex', 0, 1)}`;
    throw new ClickHouseException('UNKNOWN_COMPRESSION_METHOD', `Unknown compression method ${named}.`);
  }
  if (dataBytes > blockMax || rawBytes > blockMax) {
    const problem = `Too large size of a compressed block: ${Math.max(dataBytes, rawBytes)}, maximum: ${blockMax}.`;
    throw new ClickHouseException('TOO_LARGE_SIZE_COMPRESSED', problem);
  }
  if (dataBytes < 1 || (kind === method.none && dataBytes !== rawBytes)) throw mistaken();
  if (kind === method.lz4 && rawBytes > lz4RatioMax * dataBytes) throw mistaken();
  return { dataBytes, rawBytes };
}

function inflated(whole: Buffer, rawBytes: number): Buffer {
  const data = whole.subarray(headBytes);
  if (whole[0] === method.none) return data;
  if (whole[0] === method.zstd) return uncompressZstd(data, rawBytes);
  const bytes = uncompressLz4(whole.subarray(headBytes - 4));
  if (bytes.length !== rawBytes) throw mistaken();
  return bytes;
}

function mistaken(): ClickHouseException {
  return new ClickHouseException(
    'CANNOT_DECOMPRESS',
    'Cannot decompress: a block of the body has another size than it says.',
  );
}
