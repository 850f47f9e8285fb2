import { compressSync, uncompressSync } from 'lz4-napi';
import { ClickHouseException } from '../../clickhouse-exception.js';

/**
 * One LZ4 block behind the number of its bytes before (four bytes, little-endian), which both ways of framing can use.
 *
 * The library has a binary for each platform that the engine has one for, installs without a script, and refuses what
 * is no block.
 */
export function compressLz4(bytes: Buffer): Buffer {
  return compressSync(bytes);
}

/** `sized` begins with what it claims to inflate to, at most; `before` is what its matches may reach back into. */
export function uncompressLz4(sized: Buffer, before: Buffer | null = null): Buffer {
  try {
    return before === null ? uncompressSync(sized) : uncompressSync(sized, before);
  } catch {
    throw new ClickHouseException('CANNOT_DECOMPRESS', 'Cannot decompress: the body has a block that is not LZ4.');
  }
}
