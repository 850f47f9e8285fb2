import { framed, unframed } from '../../src/clickhouse/embedded/front/encoding/block-framing.js';
import { cityHash128 } from '../../src/clickhouse/embedded/front/encoding/city-hash.js';
import { lz4Framed, lz4Unframed } from '../../src/clickhouse/embedded/front/encoding/lz4-frame.js';
import type { MicroResult } from '../budget.js';

const rounds = 10;

/** Tab-separated rows, 10 MB, in the pieces that a pipe gives. */
function rows(): Buffer {
  const lines = Array.from({ length: 160_000 }, (_, at) => {
    return `${at}\ttask.completed\tagent-${at % 97}\t${(at * 7919) % 100_003}\t2026-01-01 07:00:${10 + (at % 50)}\n`;
  });
  return Buffer.from(lines.join(''));
}

/** What `compress=1`, `decompress=1` and LZ4 over HTTP cost the engine's process, beside what the engine does. */
export async function measureCompression(): Promise<MicroResult[]> {
  const bytes = rows();
  const blocks = await collected(framed(pieces(bytes)));
  const frame = await collected(lz4Framed(pieces(bytes)));
  const measured: readonly (readonly [string, Buffer, () => unknown])[] = [
    ['LZ4 blocks of ClickHouse written', bytes, () => collected(framed(pieces(bytes)))],
    ['LZ4 blocks of ClickHouse read', bytes, () => collected(unframed(pieces(blocks), 1_048_576))],
    ['LZ4 over HTTP written', bytes, () => collected(lz4Framed(pieces(bytes)))],
    ['LZ4 over HTTP read', bytes, () => collected(lz4Unframed(pieces(frame)))],
    ['CityHash128', blocks, () => cityHash128(blocks)],
  ];
  const results: MicroResult[] = [];
  for (const [name, input, work] of measured) {
    const before = process.cpuUsage();
    for (let round = 0; round < rounds; round++) await work();
    const { user, system } = process.cpuUsage(before);
    results.push({ name, value: (rounds * input.length) / (user + system), unit: 'MB a CPU-second' });
  }
  return results;
}

async function* pieces(bytes: Buffer): AsyncGenerator<Buffer> {
  for (let at = 0; at < bytes.length; at += 65_536) yield bytes.subarray(at, at + 65_536);
}

async function collected(chunks: AsyncIterable<Buffer>): Promise<Buffer> {
  const all: Buffer[] = [];
  for await (const chunk of chunks) all.push(chunk);
  return Buffer.concat(all);
}
