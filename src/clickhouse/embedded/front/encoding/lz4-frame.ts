import xxhash from 'xxhash-wasm';
import { ClickHouseException } from '../../clickhouse-exception.js';
import { ByteSource } from './byte-source.js';
import { compressLz4, uncompressLz4 } from './lz4-block.js';

/**
 * LZ4's frame format, version 1.6.4, which HTTP calls `lz4`. What the registry has reads a frame whole, of any size; so
 * the frame is read here, block by block, and only its blocks are the library's.
 *
 *     4 bytes   04 22 4D 18
 *     1 byte    flags: version 01, blocks independent, block checksums, content size, content checksum, 0, dictionary
 *     1 byte    largest block: 4 to 7 in bits 4 to 6 for 64 KiB, 256 KiB, 1 MiB, 4 MiB
 *     8 bytes   content size, if flagged; 4 bytes of a dictionary's id, if flagged
 *     1 byte    second byte of XXH32 of the descriptor, from the flags on
 *               blocks: 4 bytes of size, whose highest bit says that the data is not compressed; the data; 4 bytes of
 *               XXH32 of the data, if flagged
 *     4 bytes   0: the end
 *     4 bytes   XXH32 of the content, if flagged
 *
 * Frames may follow one another, and so may skippable ones (5? 2A 4D 18, four bytes of size). Blocks that are not
 * independent reach back into the last 64 KiB of what was before them.
 */
const frameMagic = 0x184d2204;
const skippableMagic = 0x184d2a50;
const version = 0x40;
const flag = { independent: 0x20, blockChecksums: 0x10, contentSize: 0x08, contentChecksum: 0x04, dictionary: 0x01 };
const notCompressed = 0x80000000;
const windowBytes = 65_536;
/** A byte of a block says at most so many. */
const ratioMax = 255;
const blockBytes = [65_536, 262_144, 1_048_576, 4_194_304];
const { h32Raw, create32 } = await xxhash();

/** One frame, of independent blocks of at most 256 KiB. */
export async function* lz4Framed(chunks: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
  yield frameHead();
  for await (const chunk of chunks) {
    for (let at = 0; at < chunk.length; at += writtenBytesMax) {
      const raw = chunk.subarray(at, at + writtenBytesMax);
      const block = compressLz4(raw);
      // In place of the bytes before stand those after.
      block.writeUInt32LE(block.length - 4, 0);
      const size = Buffer.allocUnsafe(4);
      if (block.length - 4 < raw.length) yield block;
      else {
        size.writeUInt32LE(raw.length + notCompressed, 0);
        yield Buffer.concat([size, raw]);
      }
    }
  }
  yield Buffer.alloc(4);
}

const writtenBytesMax = 262_144;

function frameHead(): Buffer {
  const head = Buffer.alloc(7);
  head.writeUInt32LE(frameMagic, 0);
  head.writeUInt8(version | flag.independent, 4);
  head.writeUInt8(5 << 4, 5);
  head.writeUInt8((h32Raw(head.subarray(4, 6)) >>> 8) & 0xff, 6);
  return head;
}

/** The content of the frames. Throws LZ4_DECODER_FAILED, CANNOT_READ_ALL_DATA when the last is cut off. */
export async function* lz4Unframed(chunks: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
  const source = new ByteSource(chunks);
  try {
    for (let magic = await source.tryTake(4); magic !== null; magic = await source.tryTake(4)) {
      const number = magic.readUInt32LE(0);
      if (number === frameMagic) yield* content(source, await readDescriptor(source));
      else if (((number ^ skippableMagic) & ~0xf) === 0) await skip(source);
      else throw failed('its beginning is not that of a frame');
    }
  } finally {
    await source.close();
  }
}

interface Descriptor {
  readonly isIndependent: boolean;
  readonly hasBlockChecksums: boolean;
  readonly hasContentChecksum: boolean;
  readonly blockBytesMax: number;
}

async function readDescriptor(source: ByteSource): Promise<Descriptor> {
  const start = await source.take(2);
  const [flags = 0, largest = 0] = start;
  const more = await source.take((flags & flag.contentSize ? 8 : 0) + (flags & flag.dictionary ? 4 : 0) + 1);
  const described = Buffer.concat([start, more]);
  const checksum = (h32Raw(described.subarray(0, -1)) >>> 8) & 0xff;
  if ((flags & 0xc0) !== version || checksum !== described.at(-1)) throw failed('the head of a frame is wrong');
  if (flags & flag.dictionary) throw failed('it needs a dictionary');
  const blockBytesMax = blockBytes[((largest >> 4) & 7) - 4];
  if (blockBytesMax === undefined) throw failed('the head of a frame is wrong');
  return {
    isIndependent: (flags & flag.independent) !== 0,
    hasBlockChecksums: (flags & flag.blockChecksums) !== 0,
    hasContentChecksum: (flags & flag.contentChecksum) !== 0,
    blockBytesMax,
  };
}

async function* content(source: ByteSource, descriptor: Descriptor): AsyncGenerator<Buffer> {
  const { isIndependent, hasBlockChecksums, hasContentChecksum, blockBytesMax } = descriptor;
  const hash = create32();
  let window: Buffer = Buffer.alloc(0);
  for (;;) {
    const size = (await source.take(4)).readUInt32LE(0);
    if (size === 0) break;
    const isCompressed = size < notCompressed;
    const bytes = isCompressed ? size : size - notCompressed;
    if (bytes > blockBytesMax) throw failed('a block is larger than its frame says');
    const data = Buffer.from(await source.take(bytes));
    if (hasBlockChecksums && h32Raw(data) !== (await source.take(4)).readUInt32LE(0))
      throw failed('a checksum is wrong');
    const raw = isCompressed ? inflated(data, { blockBytesMax, window: isIndependent ? null : window }) : data;
    if (!isIndependent) window = Buffer.concat([window, raw.subarray(-windowBytes)]).subarray(-windowBytes);
    if (hasContentChecksum) hash.update(raw);
    yield raw;
  }
  if (!hasContentChecksum) return;
  if (hash.digest() !== (await source.take(4)).readUInt32LE(0)) throw failed('a checksum is wrong');
}

function inflated(
  data: Buffer,
  { blockBytesMax, window }: { readonly blockBytesMax: number; readonly window: Buffer | null },
): Buffer {
  const sized = Buffer.allocUnsafe(4 + data.length);
  sized.writeUInt32LE(Math.min(blockBytesMax, ratioMax * data.length), 0);
  data.copy(sized, 4);
  return uncompressLz4(sized, window);
}

async function skip(source: ByteSource): Promise<void> {
  let left = (await source.take(4)).readUInt32LE(0);
  for (; left > 0; left -= Math.min(left, windowBytes)) await source.take(Math.min(left, windowBytes));
}

function failed(problem: string): ClickHouseException {
  return new ClickHouseException('LZ4_DECODER_FAILED', `Cannot read the body of the request as LZ4: ${problem}.`);
}
