import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { WebSocket } from 'ws';
import { unpackMessage } from '../../src/core/msgpack.js';
import { packageFile } from '../../src/core/package-root.js';
import { CollectorProcess, testKey } from '../support/collector-process.js';
import { hasProgram } from '../support/doc-examples.js';
import { removeDirectory } from '../support/temp-dir.js';

/** The vectors that clients in every language run: see test/vectors. */
type Step =
  | { readonly send: string }
  | { readonly sendText: string }
  | { readonly receive: object }
  | { readonly closed: number };

interface Vector {
  readonly name: string;
  readonly agent: string;
  readonly connections: readonly { readonly query: string; readonly steps: readonly Step[] }[];
  readonly rows: readonly object[];
}

const file = fileURLToPath(packageFile('test/vectors/stream.json'));
const { vectors } = JSON.parse(readFileSync(file, 'utf8')) as { readonly vectors: readonly Vector[] };

let collector: CollectorProcess;

beforeAll(async () => {
  collector = new CollectorProcess({ dataDir: mkdtempSync(join(tmpdir(), 'tidemark-vectors-')) });
  await collector.start();
});

afterAll(async () => {
  await collector.kill();
  await removeDirectory(collector.dataDir);
});

test.each(vectors)('$name', async ({ connections, agent, rows }) => {
  for (const { query, steps } of connections) await play(query, steps);
  await expectRows(agent, rows);
});

async function play(query: string, steps: readonly Step[]): Promise<void> {
  const socket = new WebSocket(`${collector.streamUrl}?${query}`, {
    headers: { authorization: `Bearer ${testKey}` },
  });
  const heard: unknown[] = [];
  let closed: number | null = null;
  socket.on('message', (data: Buffer, isBinary) => {
    heard.push(isBinary ? unpackMessage(data) : JSON.parse(data.toString()));
  });
  socket.once('close', (code) => {
    closed = code;
  });
  for (const step of steps) {
    if ('send' in step) socket.send(Buffer.from(step.send, 'hex'), { binary: true });
    else if ('sendText' in step) socket.send(step.sendText);
    else if ('closed' in step) await expect.poll(() => closed).toBe(step.closed);
    else {
      await expect.poll(() => heard.length).toBeGreaterThan(0);
      expect(heard.shift()).toMatchObject(step.receive);
    }
  }
  socket.close();
  expect(heard).toEqual([]);
}

async function expectRows(agent: string, rows: readonly object[]): Promise<void> {
  const sql = `SELECT * REPLACE (lower(hex(args_hash)) AS args_hash) FROM agent_events WHERE agent_id = '${agent}'
               SETTINGS output_format_json_quote_64bit_integers = 0`;
  await expect.poll(() => collector.query(sql)).toHaveLength(rows.length);
  expect(await collector.query(sql)).toEqual(expect.arrayContaining(rows.map((row) => expect.objectContaining(row))));
}

const go = hasProgram('go');

test.skipIf(!go)(
  'a client in Go, written from the protocol page, plays them too (skipped where Go is not installed)',
  async () => {
    const again = { ...process.env, TIDEMARK_URL: collector.streamUrl, TIDEMARK_KEY: testKey, TIDEMARK_SUFFIX: '-go' };
    const directory = fileURLToPath(packageFile('test/vectors/go/'));
    const { status, stdout, stderr } = spawnSync('go', ['run', '.', file], { cwd: directory, env: again });
    // What it downloads is told there too.
    expect(status, stderr.toString()).toBe(0);
    expect(stdout.toString().trim().split('\n')).toHaveLength(vectors.length);
  },
  300_000,
);
