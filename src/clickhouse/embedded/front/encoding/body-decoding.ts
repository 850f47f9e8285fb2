import { once } from 'node:events';
import type { IncomingMessage } from 'node:http';
import { PassThrough, type Transform } from 'node:stream';
import { createBrotliDecompress, createGunzip, createInflate } from 'node:zlib';
import { ClickHouseException } from '../../clickhouse-exception.js';
import { unframed } from './block-framing.js';
import { lz4Unframed } from './lz4-frame.js';
import { createUnzstd } from './zstd.js';

export interface BodyEncoding {
  /** `decompress=1`: in ClickHouse's own blocks, inside of what Content-Encoding says. */
  readonly isFramed: boolean;
  /** Bytes of a block, before and after it is inflated. */
  readonly blockBytesMax: number;
  /**
   * A body that begins so is taken as it is. A server reads a form as it comes whatever Content-Encoding says, and
   * client-v2 names one that it has not applied.
   */
  readonly plainStart?: string;
}

/** The bytes of a body as they were before their client compressed them. Iteration throws ClickHouseException. */
export async function* decodedBody(
  request: IncomingMessage,
  { isFramed, blockBytesMax, plainStart }: BodyEncoding,
): AsyncGenerator<Buffer> {
  const named = (request.headers['content-encoding'] ?? '').toLowerCase();
  try {
    const isPlain = named !== '' && plainStart !== undefined && (await startsWith(request, plainStart));
    const coding = isPlain ? '' : named;
    const stream = piped(request, coding);
    const inflated = coding === 'lz4' ? lz4Unframed(stream) : stream;
    yield* isFramed ? unframed(inflated, blockBytesMax) : inflated;
  } catch (error) {
    throw unreadable(error);
  }
}

/** By its first bytes, which stay in it. */
async function startsWith(request: IncomingMessage, start: string): Promise<boolean> {
  if (request.readableLength === 0 && !request.readableEnded)
    await Promise.race([once(request, 'readable'), once(request, 'close')]);
  const chunk = request.read() as Buffer | null;
  if (chunk === null) return false;
  request.unshift(chunk);
  const bytes = Math.min(chunk.length, start.length);
  return bytes >= plainBytesMin && chunk.toString('latin1', 0, bytes) === start.slice(0, bytes);
}

/** Fewer could be the beginning of anything. */
const plainBytesMin = 4;

/** Always a pipe, so that the server can unpipe it and drop what is left of a refused body. */
function piped(request: IncomingMessage, coding: string): AsyncIterable<Buffer> {
  const stream = inflater(coding);
  // A body that is cut off destroys the stream, and whoever reads it is told.
  request.once('close', () => {
    if (!request.complete) stream.destroy(new Error('the body was cut off'));
  });
  return request.pipe(stream);
}

/** By the names that a server knows. */
function inflater(coding: string): Transform {
  if (coding === '' || coding === 'identity' || coding === 'lz4') return new PassThrough();
  if (coding === 'gzip' || coding === 'gz' || coding === 'x-gzip') return createGunzip();
  if (coding === 'deflate') return createInflate();
  if (coding === 'br' || coding === 'brotli') return createBrotliDecompress();
  if (coding === 'zstd' || coding === 'zst') return createUnzstd();
  const accepted = 'the embedded engine accepts gzip, deflate, br, lz4 and zstd';
  const named = coding.slice(0, 64);
  throw new ClickHouseException('NOT_IMPLEMENTED', `Unknown compression method '${named}': ${accepted}.`);
}

function unreadable(error: unknown): ClickHouseException {
  if (error instanceof ClickHouseException) return error;
  const code = (error as NodeJS.ErrnoException).code ?? '';
  if (code.startsWith('ZSTD_')) return failed('ZSTD_DECODER_FAILED');
  if (code.startsWith('ERR_BROTLI') || code.startsWith('ERR__ERROR_')) return failed('BROTLI_READ_FAILED');
  if (code.startsWith('Z_') || code.startsWith('ERR_')) return failed('ZLIB_INFLATE_FAILED');
  return new ClickHouseException('CANNOT_READ_ALL_DATA', 'Cannot read the body of the request: it was cut off.');
}

function failed(type: 'ZSTD_DECODER_FAILED' | 'BROTLI_READ_FAILED' | 'ZLIB_INFLATE_FAILED'): ClickHouseException {
  return new ClickHouseException(type, 'Cannot inflate the body of the request.');
}
