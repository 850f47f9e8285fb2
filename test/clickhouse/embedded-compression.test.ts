import { type IncomingHttpHeaders, request } from 'node:http';
import { Readable } from 'node:stream';
import * as zlib from 'node:zlib';
import { brotliCompressSync, brotliDecompressSync, deflateSync, gzipSync, inflateSync, unzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { framed, unframed } from '../../src/clickhouse/embedded/front/encoding/block-framing.js';
import { cityHash128 } from '../../src/clickhouse/embedded/front/encoding/city-hash.js';
import { lz4Framed, lz4Unframed } from '../../src/clickhouse/embedded/front/encoding/lz4-frame.js';
import { createUnzstdOfFrames } from '../../src/clickhouse/embedded/front/encoding/zstd.js';
import { askPort } from '../support/ask-engine.js';
import { createTestEngine, type TestEngine } from '../support/embedded-engine.js';

/** What `compress`, `decompress`, `Accept-Encoding` and `Content-Encoding` do on the open port. */
let rig: TestEngine;

beforeAll(async () => {
  rig = createTestEngine({ readerTables: ['t'], guestResultBytesMax: 4_000_000 });
  await rig.engine.start();
  await askPort(rig, 'CREATE TABLE t (id UInt64, text String) ENGINE = MergeTree ORDER BY id', { user: 'tidemark' });
});

afterAll(() => rig.end());

async function* pieces(bytes: Buffer, size = 1_000): AsyncGenerator<Buffer> {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
}

async function collected(chunks: AsyncIterable<Buffer>): Promise<Buffer> {
  const all: Buffer[] = [];
  for await (const chunk of chunks) all.push(chunk);
  return Buffer.concat(all);
}

const blocksOf = (bytes: Buffer) => collected(framed(pieces(bytes, 65_536)));
const contentOf = (blocks: Buffer) => collected(unframed(pieces(blocks), 1_000_000));
const refusedAs = (type: string) => expect.objectContaining({ type });

describe('the checksum', () => {
  const pattern = (bytes: number) =>
    Buffer.from(Array.from({ length: bytes }, (_, at) => (at * at + 7 * at + bytes) % 251));

  /** By the package clickhouse-cityhash 1.0.2.6 of Python, over `pattern`. */
  test.each([
    [1, '6c3f2b804fab035a1ae9318a3c8aa858'],
    [4, '464cd93fc9d25f458dae83e3f6271da1'],
    [8, '0c8c382e0b39c3e0600475a45ebd2951'],
    [10, '27525b3c9d30163d2e3dbc2551421f13'],
    [16, '2425ac309c6f2eaa42984922f53c5834'],
    [17, '65259031bd625101e14b6198fa7e3eeb'],
    [20, '96d491a2d2977c087fc6df58f2908e15'],
    [24, '0d4ac12630760952f710d42c07d9b1f9'],
    [31, '9946f1f07cd1dc24af9215d37fef64b5'],
    [32, 'ccfa6d6b89c40c00ee94456542076abc'],
    [33, 'c01747004eba0d3da6e97153b67708f4'],
    [143, '82144f0b0db0a8f9f91cee51499ac83c'],
    [144, 'c96d1b3df2be776392dd3b2ebc523843'],
    [145, 'baff3f6f1836901b977eba4ad90d4818'],
    [271, '60d13574c45f7b8c3574b1b15518a5c5'],
    [272, '5dbb509590727b766575d2b96dd33f4c'],
    [273, 'daee2240238d87f7726ac39d32140a8e'],
    [1_000, '59d85145036be58cf4e17225a367d3ce'],
    [65_537, '51af1e63e4787da914ef9219f9148e39'],
  ])('of %d bytes is that of CityHash 1.0.2', (bytes, hash) => {
    expect(cityHash128(pattern(bytes)).toString('hex')).toBe(hash);
  });
});

describe('blocks', () => {
  const content = Buffer.from('a row that comes again\n'.repeat(40_000));

  test('say what was in them, wherever they are cut, and no byte can be another', async () => {
    const blocks = await blocksOf(content);
    expect(blocks.length).toBeLessThan(content.length / 10);
    expect((await contentOf(blocks)).equals(content)).toBe(true);
    const small = await blocksOf(Buffer.from('0123456789abcdef'.repeat(8)));
    for (let at = 0; at < small.length; at++) {
      const changed = Buffer.from(small);
      changed[at]! ^= 0x10;
      await expect(contentOf(changed), `${at}`).rejects.toThrow();
      await expect(contentOf(small.subarray(0, at || 1)), `${at}`).rejects.toEqual(refusedAs('CANNOT_READ_ALL_DATA'));
    }
  });

  test('are refused for what they claim before anything is held for it', async () => {
    const head = (method: number, size: number, raw: number) => {
      const bytes = Buffer.alloc(25 + 100);
      bytes.writeUInt8(method, 16);
      bytes.writeUInt32LE(size, 17);
      bytes.writeUInt32LE(raw, 21);
      return bytes;
    };
    await expect(contentOf(head(0x82, 0xffffffff, 10))).rejects.toEqual(refusedAs('TOO_LARGE_SIZE_COMPRESSED'));
    await expect(contentOf(head(0x82, 109, 0xffffffff))).rejects.toEqual(refusedAs('TOO_LARGE_SIZE_COMPRESSED'));
    await expect(contentOf(head(0x82, 109, 999_999))).rejects.toEqual(refusedAs('CANNOT_DECOMPRESS'));
    await expect(contentOf(head(0x02, 109, 10))).rejects.toEqual(refusedAs('CANNOT_DECOMPRESS'));
    await expect(contentOf(head(0x82, 3, 10))).rejects.toThrow();
    await expect(contentOf(head(0x91, 109, 10))).rejects.toEqual(refusedAs('UNKNOWN_COMPRESSION_METHOD'));
    await expect(contentOf(head(0x82, 109, 100))).rejects.toEqual(refusedAs('CHECKSUM_DOESNT_MATCH'));
  });

  /** The frame is by the package zstandard 0.25.0 of Python. */
  test.each([
    ['ZSTD', 0x90, Buffer.from('28b52ffd6007074d0000106161010002f00116', 'hex'), Buffer.alloc(2_055, 'a')],
    ['none', 0x02, Buffer.from('as it is'), Buffer.from('as it is')],
  ])('of the method %s are read too', async (_, method, data, content) => {
    const block = Buffer.alloc(25 + data.length);
    block.writeUInt8(method, 16);
    block.writeUInt32LE(9 + data.length, 17);
    block.writeUInt32LE(content.length, 21);
    data.copy(block, 25);
    cityHash128(block.subarray(16)).copy(block);
    expect((await contentOf(block)).equals(content)).toBe(true);
  });
});

describe('a frame of LZ4', () => {
  const content = Buffer.concat(Array(3).fill(Buffer.from(`${'tidemark '.repeat(20)}${bytesUpTo(40)}`, 'latin1')));
  const unframe = (frame: Buffer) => collected(lz4Unframed(pieces(frame, 3)));

  /** By the package lz4 4.4.5 of Python. */
  test.each([
    [
      'with blocks that reach back, and its size',
      'BCJNGGhAlAIAAAAAAACdRwAAAJ90aWRlbWFyayAJAJj/GQABAgMEBQYHCAkKCwwNDg8QERITFBUWFxgZGhscHR4fICEiIyQl' +
        'JifTAJgFqwAP3ADsUCMkJSYnAAAAAA==',
    ],
    [
      'with every checksum',
      'BCJNGHxAlAIAAAAAAABuRwAAAJ90aWRlbWFyayAJAJj/GQABAgMEBQYHCAkKCwwNDg8QERITFBUWFxgZGhscHR4fICEiIyQl' +
        'JifTAJgFqwAP3ADsUCMkJSYnlAxSiAAAAACusthm',
    ],
  ])('%s is read, alone and twice', async (_, base64) => {
    const frame = Buffer.from(base64, 'base64');
    expect((await unframe(frame)).equals(content)).toBe(true);
    expect((await unframe(Buffer.concat([frame, frame]))).equals(Buffer.concat([content, content]))).toBe(true);
    await expect(unframe(frame.subarray(0, -5))).rejects.toEqual(refusedAs('CANNOT_READ_ALL_DATA'));
    const changed = Buffer.from(frame);
    changed[5]! ^= 0x20;
    await expect(unframe(changed)).rejects.toEqual(refusedAs('LZ4_DECODER_FAILED'));
  });

  test('of ours is one that it reads, of what compresses and what does not', async () => {
    const noise = Buffer.from(
      Array.from({ length: 700_000 }, (_, at) => (Math.imul(at, 2_654_435_761) >>> 24) ^ (at >> 8)),
    );
    for (const bytes of [content, noise]) {
      expect(
        (await collected(lz4Unframed(pieces(await collected(lz4Framed(pieces(bytes, 300_000))))))).equals(bytes),
      ).toBe(true);
    }
  });
});

function bytesUpTo(count: number): string {
  return String.fromCharCode(...Array.from({ length: count }, (_, at) => at));
}

const framedAnswer = (sql: string, query = '', headers = {}) => ask(sql, `compress=1&${query}`, headers);

async function ask(sql: string, query: string, headers: Record<string, string> = {}) {
  const answer = await fetch(`${rig.engine.url}/?${query}`, {
    method: 'POST',
    body: sql,
    headers: { 'accept-encoding': 'identity', 'x-clickhouse-user': 'default', ...headers },
  });
  return { answer, bytes: Buffer.from(await answer.arrayBuffer()) };
}

describe('an answer', () => {
  const select = "SELECT number, concat('text ', toString(number)) FROM numbers(20000) FORMAT CSV";

  test('is in blocks of LZ4 when compress=1, held or streamed, small or large', async () => {
    for (const sql of ['SELECT 1', select]) {
      const { bytes: plain } = await ask(sql, '');
      for (const how of ['', 'wait_end_of_query=0']) {
        const { bytes } = await framedAnswer(sql, how);
        expect(bytes[16]).toBe(0x82);
        expect((await contentOf(bytes)).equals(plain)).toBe(true);
      }
    }
    expect((await framedAnswer('SELECT number FROM numbers(0)')).bytes).toHaveLength(0);
  });

  test('that is an error is in blocks as well, but for one to a client that is not let in', async () => {
    const { answer, bytes } = await framedAnswer('SELECT nope');
    expect([answer.status, answer.headers.get('x-clickhouse-exception-code')]).toEqual([404, '47']);
    expect((await contentOf(bytes)).toString()).toMatch(/^Code: 47\. DB::Exception: .*\(UNKNOWN_IDENTIFIER\)/s);
    const stranger = await framedAnswer('SELECT 1', '', { 'x-clickhouse-key': 'wrong' });
    expect(stranger.answer.status).toBe(403);
    expect(stranger.bytes.toString()).toMatch(/^Code: 516\. /);
  });

  test('of a million rows comes as it is made', async () => {
    const sql = 'SELECT number FROM numbers(3000000) FORMAT RowBinary';
    const { bytes } = await framedAnswer(sql, 'wait_end_of_query=0');
    expect(await contentOf(bytes)).toHaveLength(24_000_000);
  });

  test('that fails midway says so within the last block', async () => {
    const sql = 'SELECT number, throwIf(number = 3000000) FROM numbers(5000000) FORMAT CSV';
    const { body } = await raw(sql, 'compress=1', 'identity');
    const content = (await contentOf(body)).toString();
    expect(content.startsWith('0,0\n1,0\n')).toBe(true);
    expect(content.slice(-400)).toMatch(/\r\n__exception__\r\n.*Code: 395\..*__exception__\r\n$/s);
  });

  test.each([
    ['gzip, deflate', 'gzip'],
    ['deflate', 'deflate'],
    ['br;q=1.0, gzip;q=0.8, *;q=0.1', 'br'],
    ['lz4, gzip', 'lz4'],
    ['br;q=0, deflate', 'deflate'],
    ['snappy, identity', null],
  ] as const)('to one that accepts %s is %s', async (accepted, coding) => {
    for (const sql of ['SELECT 1', select, 'SELECT nope']) {
      const { bytes: plain } = await ask(sql, '');
      for (const how of ['', 'wait_end_of_query=0']) {
        const { headers, body } = await raw(sql, how, accepted);
        // An error is not in a frame of LZ4: clickhouse-connect would lose its end.
        const expected = coding === 'lz4' && sql === 'SELECT nope' ? null : coding;
        expect(headers['content-encoding'] ?? null).toBe(expected);
        expect(await decodedAs(expected, body)).toBe(plain.toString());
      }
    }
    expect((await raw('SELECT 1', 'enable_http_compression=0', accepted)).body.toString()).toBe('1\n');
  });

  test('can be in blocks within an encoding', async () => {
    const { body } = await raw('SELECT 1', 'compress=1', 'gzip');
    expect((await contentOf(unzipSync(body))).toString()).toBe('1\n');
  });
});

async function raw(sql: string, query: string, accepted: string) {
  return await new Promise<{ headers: IncomingHttpHeaders; body: Buffer }>((resolve, reject) => {
    const path = `/?${query}`;
    const asked = request({ port: rig.engine.port, method: 'POST', path, headers: { 'accept-encoding': accepted } });
    asked.once('error', reject);
    asked.once('response', (answer) => {
      const chunks: Buffer[] = [];
      answer.on('data', (chunk: Buffer) => chunks.push(chunk)).on('error', () => undefined);
      answer.once('close', () => resolve({ headers: answer.headers, body: Buffer.concat(chunks) }));
    });
    asked.end(sql);
  });
}

async function decodedAs(coding: string | null, body: Buffer): Promise<string> {
  if (coding === 'gzip') return unzipSync(body).toString();
  if (coding === 'deflate') return inflateSync(body).toString();
  if (coding === 'br') return brotliDecompressSync(body).toString();
  return (coding === 'lz4' ? await collected(lz4Unframed(pieces(body))) : body).toString();
}

/** Not of Node 20. */
const zstd = zlib as unknown as {
  zstdCompressSync?(bytes: Buffer): Buffer;
  zstdDecompressSync?(bytes: Buffer): Buffer;
};

test.skipIf(zstd.zstdCompressSync === undefined)('zstd is taken and given where Node has it', async () => {
  const { headers, body } = await raw('SELECT 1', '', 'gzip, zstd');
  expect(headers['content-encoding']).toBe('zstd');
  expect(zstd.zstdDecompressSync?.(body).toString()).toBe('1\n');
  const statement = zstd.zstdCompressSync?.(Buffer.from('SELECT 7')) ?? Buffer.alloc(0);
  const init = { headers: { 'content-encoding': 'zstd' } };
  expect((await askPort(rig, statement, { init })).text).toBe('7\n');
  expect((await askPort(rig, statement.subarray(0, 9), { init })).code).toBeGreaterThan(0);
});

describe('a body in Zstandard', () => {
  const frames = {
    'one frame': ['KLUv/SAIQQAAU0VMRUNUIDc=', '7'],
    'a frame whose size is not said, in two blocks': ['KLUv/QBYOAAAU0VMRUNUIAkAADg=', '8'],
    'frames with a checksum, and one to be skipped': ['KLUv/SQHOQAAU0VMRUNUICYCbPBQKk0YAgAAAHh4KLUv/SABCQAAOQ==', '9'],
  } as const;
  const inflated = (body: Buffer) => collected(Readable.from(pieces(body, 3)).compose(createUnzstdOfFrames()));

  test.each(Object.entries(frames))('is read on every Node: %s', async (_, [base64, said]) => {
    const body = Buffer.from(base64, 'base64');
    const init = { headers: { 'content-encoding': 'zstd' } };
    expect((await askPort(rig, body, { init })).text).toBe(`${said}\n`);
    expect((await inflated(body)).toString()).toBe(`SELECT ${said}`);
    await expect(inflated(body.subarray(0, -1))).rejects.toThrow('Zstandard');
    expect((await askPort(rig, body.subarray(0, -1), { init })).code).toBe(561);
  });

  test('that claims a window of a gibibyte, or goes on for too many blocks, is refused', async () => {
    const large = Buffer.from('KLUv/QCgQQAAU0VMRUNUIDE=', 'base64');
    await expect(inflated(large)).rejects.toThrow('Zstandard');
    const repeated = Buffer.concat(Array.from({ length: 1_024 }, () => Buffer.from([2, 0, 16, 0x20])));
    const bomb = Buffer.concat([large.subarray(0, 5), Buffer.from([0x58]), repeated]);
    await expect(inflated(bomb)).rejects.toThrow('Zstandard');
  });
});

describe('a body', () => {
  const rows = Buffer.from(Array.from({ length: 5_000 }, (_, at) => `${at}\ttext of ${at}\n`).join(''));
  const into = 'query=INSERT%20INTO%20t%20FORMAT%20TSV';

  async function insert(body: Buffer, query: string, headers: Record<string, string> = {}) {
    await askPort(rig, 'TRUNCATE TABLE t', { user: 'tidemark' });
    const answer = await askPort(rig, body, { user: 'tidemark', query, init: { headers } });
    const count = await askPort(rig, 'SELECT count(), sum(length(text)) FROM t');
    return { ...answer, stored: count.text };
  }

  test('comes in blocks when decompress=1, as data, as a statement, and as both', async () => {
    expect(await insert(await blocksOf(rows), `${into}&decompress=1`)).toMatchObject({ stored: '5000\t58890\n' });
    const both = Buffer.concat([Buffer.from('INSERT INTO t FORMAT TSV\n'), rows]);
    expect(await insert(await blocksOf(both), 'decompress=1')).toMatchObject({ stored: '5000\t58890\n' });
    const statement = await blocksOf(Buffer.from('SELECT 7'));
    expect((await askPort(rig, statement, { query: 'decompress=1' })).text).toBe('7\n');
  });

  test('that is damaged or cut off is refused with the code of a server, and inserts nothing', async () => {
    const damaged = await blocksOf(rows);
    damaged[100]! ^= 1;
    const query = `${into}&decompress=1`;
    expect(await insert(damaged, query)).toMatchObject({ code: 40, stored: '0\t0\n' });
    expect(await insert((await blocksOf(rows)).subarray(0, -9), query)).toMatchObject({ code: 33, stored: '0\t0\n' });
    expect(await insert(rows, query)).toMatchObject({ code: 89, stored: '0\t0\n' });
  });

  test('of a reader has blocks no larger than a statement, and may be refused before it is inflated', async () => {
    const bomb = await collected(framed(pieces(Buffer.alloc(300_000, ' '), 300_000)));
    bomb.writeUInt32LE(10_000_000, 21);
    expect((await askPort(rig, bomb, { query: 'decompress=1' })).code).toBe(39);
    expect((await askPort(rig, rows, { query: `${into}&decompress=1` })).code).toBe(164);
    const unknown = { headers: { 'content-encoding': 'rot13' } };
    expect((await askPort(rig, rows, { query: into, init: unknown })).code).toBe(164);
  });

  test.each([
    ['gzip', gzipSync],
    ['deflate', deflateSync],
    ['br', (bytes: Buffer) => brotliCompressSync(bytes)],
    ['lz4', (bytes: Buffer) => collected(lz4Framed(pieces(bytes)))],
  ] as const)('in the encoding %s is read, and one that is damaged is refused', async (coding, encode) => {
    const headers = { 'content-encoding': coding };
    const encoded = await encode(rows);
    expect(await insert(encoded, into, headers)).toMatchObject({ code: 0, stored: '5000\t58890\n' });
    const half = await insert(encoded.subarray(0, encoded.length / 2), into, headers);
    expect(half.stored).toBe('0\t0\n');
    expect(half.code).toBeGreaterThan(0);
    const framedToo = await encode(await blocksOf(rows));
    expect(await insert(framedToo, `${into}&decompress=1`, headers)).toMatchObject({ stored: '5000\t58890\n' });
  });

  test('in an encoding that nobody knows is refused by its name', async () => {
    const answer = await insert(rows, into, { 'content-encoding': 'rot13' });
    expect(answer).toMatchObject({ code: 48, status: 501 });
    expect(answer.text).toContain("Unknown compression method 'rot13'");
  });
});
