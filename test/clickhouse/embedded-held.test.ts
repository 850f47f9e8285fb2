import { createHash } from 'node:crypto';
import { readdirSync, readFileSync, readlinkSync, statSync } from 'node:fs';
import { get, type IncomingMessage } from 'node:http';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest';
import { unframed } from '../../src/clickhouse/embedded/front/encoding/block-framing.js';
import type { EngineProcessOptions } from '../../src/clickhouse/embedded/process/engine-process.js';
import { defaultWatch } from '../../src/clickhouse/embedded/process/engine-watch.js';
import { askChannel } from '../support/ask-engine.js';
import { createTestEngine, type TestEngine } from '../support/embedded-engine.js';

/** `wait_end_of_query=1`: a result that is held until it is complete, in a file if it is large. */
let shared: TestEngine;

beforeAll(async () => {
  shared = createTestEngine();
  await shared.engine.start();
});

afterAll(() => shared.end());

async function startEngine(options: Partial<EngineProcessOptions>): Promise<TestEngine> {
  // Counts and gauges are told when the engine is looked at.
  const rig = createTestEngine({ watch: { ...defaultWatch, pauseMs: 200 }, ...options });
  onTestFinished(() => rig.end());
  await rig.engine.start();
  return rig;
}

const mebibyte = 1_048_576;

/** Some 1,000 bytes a row, a mebibyte a block: the engine itself holds what it makes at once. */
const rowsOf = (count: number) =>
  `SELECT number, repeat(toString(number % 10), 1000) AS text FROM numbers(${count})
   SETTINGS max_block_size = 1000 FORMAT CSV`;

function address(rig: TestEngine, sql: string, more = ''): string {
  return `${rig.engine.url}/?wait_end_of_query=1&query=${encodeURIComponent(sql)}${more}`;
}

/** An answer of which only the head was read. */
function open(rig: TestEngine, sql: string): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    get(address(rig, sql), { agent: false }, (answer) => resolve(answer.pause())).once('error', reject);
  });
}

/** Of results, in the engine's process: their bytes and modes. They have no names any more. */
function heldFiles(rig: TestEngine): readonly { readonly bytes: number; readonly mode: number }[] {
  const directory = `/proc/${rig.engine.pid()}/fd`;
  return readdirSync(directory).flatMap((fd) => {
    try {
      const path = join(directory, fd);
      if (!/\/results\/held-\d+ \(deleted\)$/.test(readlinkSync(path))) return [];
      const { size, mode } = statSync(path);
      return [{ bytes: size, mode: mode & 0o777 }];
    } catch {
      return [];
    }
  });
}

async function codeOf(answer: Response): Promise<string | null> {
  await answer.arrayBuffer();
  return answer.headers.get('x-clickhouse-exception-code');
}

function residentBytes(rig: TestEngine): number {
  const status = readFileSync(`/proc/${rig.engine.pid()}/status`, 'utf8');
  return Number(/VmRSS:\s+(\d+)/.exec(status)?.[1]) * 1_024;
}

test('a large result that is waited for is the streamed one, with its length, and leaves nothing', async () => {
  const sql = rowsOf(40_000);
  const digest = async (answer: Response) =>
    createHash('sha256')
      .update(Buffer.from(await answer.arrayBuffer()))
      .digest('hex');
  const streamed = await digest(await fetch(`${shared.engine.url}/?query=${encodeURIComponent(sql)}`));
  const held = await fetch(address(shared, sql, '&enable_http_compression=0'));
  expect([held.status, held.headers.get('transfer-encoding')]).toEqual([200, null]);
  expect(Number(held.headers.get('content-length'))).toBeGreaterThan(40_000_000);
  expect(held.headers.get('x-clickhouse-format')).toBe('CSV');
  expect(held.headers.get('x-clickhouse-summary')).toContain('"result_rows":"40000"');
  expect(await digest(held)).toBe(streamed);
  await expect.poll(() => heldFiles(shared)).toEqual([]);
  // Nothing but pipes, which are used again.
  expect(readdirSync(join(shared.dataDir, 'results')).filter((name) => name.startsWith('held'))).toEqual([]);
});

test('while it is sent its file has no name and is nobody else’s, and memory does not grow with it', async () => {
  const rig = await startEngine({});
  await fetch(address(rig, rowsOf(2_000))).then((answer) => answer.arrayBuffer());
  const before = residentBytes(rig);
  const answer = await open(rig, rowsOf(200_000));
  const [file] = heldFiles(rig);
  expect(file?.bytes).toBeGreaterThan(200_000_000);
  expect(file?.mode).toBe(0o600);
  expect(readdirSync(join(rig.dataDir, 'results')).filter((name) => name.startsWith('held'))).toEqual([]);
  expect(residentBytes(rig) - before).toBeLessThan(100_000_000);
  answer.destroy();
  await expect.poll(() => heldFiles(rig)).toEqual([]);
});

test('it is encoded as any other', async () => {
  const sql = rowsOf(3_000);
  const plain = await (await fetch(address(shared, sql))).text();
  const raw = (more: string, headers: Record<string, string>) =>
    new Promise<{ readonly coding: string | undefined; readonly body: Buffer }>((resolve, reject) => {
      get(address(shared, sql, more), { headers }, async (answer) => {
        const chunks: Buffer[] = [];
        for await (const chunk of answer) chunks.push(chunk as Buffer);
        resolve({ coding: answer.headers['content-encoding'], body: Buffer.concat(chunks) });
      }).once('error', reject);
    });
  const zipped = await raw('&enable_http_compression=1', { 'accept-encoding': 'gzip' });
  expect(zipped.coding).toBe('gzip');
  expect(zipped.body.length).toBeLessThan(mebibyte);
  expect(gunzipSync(zipped.body).toString() === plain).toBe(true);
  const framed = await raw('&compress=1', {});
  async function* once() {
    yield framed.body;
  }
  const content: Buffer[] = [];
  for await (const chunk of unframed(once(), 10_000_000)) content.push(chunk);
  expect(Buffer.concat(content).toString() === plain).toBe(true);
});

test('a failure midway has its own status, and the file goes', async () => {
  const failing = 'SELECT number, repeat(toString(number), 100), throwIf(number = 200000) FROM numbers(300000)';
  const answer = await fetch(address(shared, `${failing} FORMAT CSV`));
  expect([answer.status, answer.headers.get('content-type')]).toEqual([500, 'text/plain; charset=UTF-8']);
  expect(await codeOf(answer)).toBe('395');
  await expect.poll(() => heldFiles(shared)).toEqual([]);
});

test('one result, all results and the disk have limits, each with its code and its count', async () => {
  const rig = await startEngine({ guestResultBytesMax: 12 * mebibyte, guestHeldBytesMax: 16 * mebibyte });
  const large = await fetch(address(rig, rowsOf(13_000)));
  expect([large.status, await codeOf(large)]).toEqual([500, '396']);
  const first = await open(rig, rowsOf(9_000));
  expect(first.statusCode).toBe(200);
  const second = await fetch(address(rig, rowsOf(9_000)));
  expect([second.status, second.headers.get('retry-after'), await codeOf(second)]).toEqual([503, '1', '202']);
  // What fits into memory needs no file.
  expect((await fetch(address(rig, rowsOf(500)))).status).toBe(200);
  first.destroy();
  await expect.poll(async () => codeOf(await fetch(address(rig, rowsOf(9_000))))).toBeNull();
  const full = await startEngine({ heldDiskUsedRatioMax: 0.000_001 });
  const refused = await fetch(address(full, rowsOf(9_000)));
  expect([refused.status, await codeOf(refused)]).toEqual([500, '243']);
  expect((await fetch(address(full, rowsOf(500)))).status).toBe(200);
  await expect.poll(() => heldFiles(full)).toEqual([]);
  await expect.poll(() => rig.endings.get('no_room') ?? 0).toBeGreaterThan(0);
  expect(rig.endings.get('too_large')).toBe(1);
  expect(rig.endings.get('kept')).toBeGreaterThan(0);
  await expect.poll(() => full.endings.get('disk_full')).toBe(1);
  await expect.poll(() => full.refusals.get('limit')).toBe(1);
});

test('when the client goes away while it is made, the query and the file go, and their room is free', async () => {
  const rig = await startEngine({ guestHeldBytesMax: 64 * mebibyte, guestThreadsMax: 1 });
  const slow = 'arraySum(arrayMap(one -> sipHash64(one, number), range(20000)))';
  const endless = `SELECT ${slow}, repeat(toString(number), 1000) FROM numbers(1000000)`;
  const gone = new AbortController();
  const asked = fetch(address(rig, `${endless} SETTINGS max_block_size = 200 FORMAT CSV`), { signal: gone.signal });
  asked.catch(() => undefined);
  await expect.poll(() => heldFiles(rig).length).toBe(1);
  gone.abort();
  await expect.poll(() => heldFiles(rig)).toEqual([]);
  const running = "SELECT count() FROM system.processes WHERE query LIKE '%range(20000)%' AND query NOT LIKE '%LIKE%'";
  await expect.poll(async () => (await askChannel(rig, running)).text).toBe('0\n');
  expect((await fetch(address(rig, rowsOf(50_000)))).status).toBe(200);
});

test('a client that takes nothing of it is cut off, and its room is free', async () => {
  // Not before it was looked at, on a machine that stands still now and then.
  const rig = await startEngine({ guestHeldBytesMax: 48 * mebibyte, streamIdleMsMax: 5_000 });
  const stalled = await open(rig, rowsOf(40_000));
  expect(heldFiles(rig)).toHaveLength(1);
  await expect.poll(() => heldFiles(rig)).toEqual([]);
  stalled.destroy();
  expect((await fetch(address(rig, rowsOf(40_000)))).status).toBe(200);
});

test('a gauge says how many bytes are held, of how many that may be', async () => {
  const rig = await startEngine({ guestHeldBytesMax: 64 * mebibyte });
  await expect
    .poll(() => [...rig.gauges].filter(([name]) => name.startsWith('held')))
    .toEqual([
      ['held', 0],
      ['heldMax', 64 * mebibyte],
    ]);
  const answer = await open(rig, rowsOf(40_000));
  await expect.poll(() => rig.gauges.get('held')).toBe(48 * mebibyte);
  expect((await rig.engine.health()).details).toMatchObject({ guest_held_bytes: 48 * mebibyte });
  answer.destroy();
  await expect.poll(() => rig.gauges.get('held')).toBe(0);
});

test('an engine that is killed leaves no file', async () => {
  const rig = await startEngine({});
  const answer = await open(rig, rowsOf(40_000));
  await expect.poll(() => rig.gauges.get('held')).toBe(48 * mebibyte);
  answer.on('error', () => undefined).resume();
  process.kill(rig.engine.pid()!, 'SIGKILL');
  await expect.poll(() => rig.restarts.length).toBe(1);
  await rig.engine.ready();
  expect(readdirSync(join(rig.dataDir, 'results'))).toEqual([]);
  await expect.poll(() => rig.gauges.get('held')).toBe(0);
});
