import { Readable, type Transform, Writable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { constants, createBrotliCompress, createDeflate, createGzip } from 'node:zlib';
import type { RequestSource } from '../request-parameters.js';
import { framed } from './block-framing.js';
import { lz4Framed } from './lz4-frame.js';
import { createZstd, hasZstdStreams } from './zstd.js';

/** How an answer is written: in ClickHouse's own blocks, in an encoding of HTTP, or in both, the blocks inside. */
export interface AnswerEncoding {
  /** For the header Content-Encoding; null for none. */
  readonly coding: ContentCoding | null;
  readonly level: number;
  readonly isFramed: boolean;
}

/** In the order in which a server prefers them, whatever the client does. It has `snappy`, `xz` and `bz2` as well. */
const codings = ['zstd', 'br', 'lz4', 'gzip', 'deflate'] as const;
type ContentCoding = (typeof codings)[number];
const offered = codings.filter((coding) => coding !== 'zstd' || hasZstdStreams);

export const plainAnswer: AnswerEncoding = { coding: null, level: 1, isFramed: false };

/**
 * `compress=1` asks for blocks; `Accept-Encoding` for an encoding, unless `enable_http_compression=0`: it is on by
 * default in this engine.
 */
export function answerEncodingOf({ url, header }: RequestSource): AnswerEncoding {
  const isOff = ['0', 'false'].includes(url.get('enable_http_compression') ?? '');
  const accepted = isOff ? '' : (header('accept-encoding') ?? '').toLowerCase();
  // A server looks for the names alone; who forbids one has meant it.
  const names = accepted.split(',').filter((one) => !/;\s*q=0(?:\.0*)?\s*$/.test(one));
  const coding = offered.find((one) => names.some((name) => name.includes(one))) ?? null;
  const level = Number(url.get('http_zlib_compression_level') ?? 1);
  return { coding, level: Number.isInteger(level) && level >= 1 && level <= 9 ? level : 1, isFramed: isOn(url) };
}

function isOn(url: URLSearchParams): boolean {
  return ['1', 'true'].includes(url.get('compress') ?? '');
}

interface AnswerSink {
  readonly destination: Writable;
  /** Whether it ends with the last chunk. */
  readonly ends: boolean;
}

/** Rejects with what iteration throws, or when it is destroyed. */
export async function writeEncoded(
  chunks: AsyncIterable<Buffer>,
  { coding, level, isFramed }: AnswerEncoding,
  { destination, ends }: AnswerSink,
): Promise<void> {
  const end = { end: ends };
  const blocks = isFramed ? framed(chunks) : chunks;
  if (coding === 'lz4') return await pipeline(lz4Framed(blocks), destination, end);
  const compressor = compressorOf(coding, level);
  if (compressor === null) return await pipeline(blocks, destination, end);
  await pipeline(blocks, compressor, destination, end);
}

function compressorOf(coding: AnswerEncoding['coding'], level: number): Transform | null {
  if (coding === 'gzip') return createGzip({ level });
  if (coding === 'deflate') return createDeflate({ level });
  if (coding === 'br') return createBrotliCompress({ params: { [constants.BROTLI_PARAM_QUALITY]: level } });
  return coding === 'zstd' ? createZstd(level) : null;
}

/** A whole answer. Nothing stays nothing, and needs no header. */
export async function encodeAnswer(bytes: Uint8Array, encoding: AnswerEncoding): Promise<Uint8Array> {
  if (bytes.byteLength === 0 || (encoding.coding === null && !encoding.isFramed)) return bytes;
  const encoded: Buffer[] = [];
  const collector = new Writable({
    write(chunk: Buffer, _, done) {
      encoded.push(chunk);
      done();
    },
  });
  const whole = Readable.from([Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)]);
  await writeEncoded(whole, encoding, { destination: collector, ends: true });
  return Buffer.concat(encoded);
}
