import type { Transform } from 'node:stream';
import * as zlib from 'node:zlib';
import { decompress } from 'fzstd';
import { ClickHouseException } from '../../clickhouse-exception.js';
import { createFrameInflater } from './zstd-frames.js';

/** What Node has from 22.15 on. */
interface ZstdOfNode {
  readonly constants: { readonly ZSTD_c_compressionLevel: number };
  createZstdCompress(options: { readonly params: Readonly<Record<number, number>> }): Transform;
  createZstdDecompress(): Transform;
}

const ofNode: ZstdOfNode | null = 'createZstdCompress' in zlib ? (zlib as unknown as ZstdOfNode) : null;

/** Whether answers can be Zstandard. */
export const hasZstdStreams = ofNode !== null;

/** Null without it. */
export function createZstd(level: number): Transform | null {
  return ofNode?.createZstdCompress({ params: { [ofNode.constants.ZSTD_c_compressionLevel]: level } }) ?? null;
}

/** Node bounds the window that a frame may claim: 128 MiB. */
export function createUnzstd(): Transform {
  return ofNode?.createZstdDecompress() ?? createUnzstdOfFrames();
}

/** For a Node without it: in JavaScript, of frames up to 128 MiB. */
export function createUnzstdOfFrames(): Transform {
  return createFrameInflater(decompress);
}

/** One block, of which it is known how many bytes it has: in JavaScript, so that every Node has it. */
export function uncompressZstd(block: Buffer, bytes: number): Buffer {
  const inflated = Buffer.allocUnsafe(bytes);
  const claim = problemOf(() => decompress(block, inflated));
  if (claim === bytes) return inflated;
  throw new ClickHouseException('CANNOT_DECOMPRESS', 'Cannot decompress: the body has a block that is not ZSTD.');
}

/** Bytes that came out; -1 when the library throws. */
function problemOf(inflate: () => Uint8Array): number {
  try {
    return inflate().byteLength;
  } catch {
    return -1;
  }
}
