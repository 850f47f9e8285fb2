import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pack } from 'msgpackr';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { CollectorProcess, testKey } from '../support/collector-process.js';
import { WireClient } from '../support/wire-client.js';

/** What an event may hold, by every way in: both formats, both protocols, maps and rows. */
const dataDir = mkdtempSync(join(tmpdir(), 'tidemark-values-'));
const collector = new CollectorProcess({ dataDir });

beforeAll(() => collector.start());
afterAll(async () => {
  await collector.stop();
  rmSync(dataDir, { recursive: true, force: true });
});

type Errors = readonly { readonly index: number; readonly code: string; readonly path: string }[];
type Sent = Record<string, unknown>;

function task(id: string, more: Sent = {}): Sent {
  return { type: 'task.completed', agent_id: 'values', task_id: id, ...more };
}

async function post(
  body: string | Uint8Array,
  type: string,
): Promise<{ readonly status: number; readonly errors: Errors }> {
  const headers = { authorization: `Bearer ${testKey}`, 'content-type': type };
  const response = await fetch(`${collector.url}/v1/events`, { method: 'POST', body, headers });
  return { status: response.status, errors: ((await response.json()) as { readonly errors: Errors }).errors };
}

let producers = 0;

/** What the socket says of one frame before it acknowledges it. */
async function overSocket(frame: string | Uint8Array): Promise<Errors> {
  const client = await WireClient.open(collector, `?producer=values-${++producers}`);
  if (typeof frame === 'string') client.sendText(frame);
  else client.sendBytes(frame);
  await client.untilAck(1);
  client.close();
  await client.untilClosed();
  return client.received.flatMap((message) => (message.op === 'reject' ? (message.errors ?? []) : []));
}

/** Codes, indices and paths of what is told of `events`, by every way in. */
async function toldEverywhere(events: readonly Sent[]): Promise<Record<string, unknown[]>> {
  const names = [...new Set(events.flatMap((event) => Object.keys(event)))];
  const rows = events.map((event) => names.map((name) => event[name] ?? null));
  const shown = (errors: Errors) => errors.map(({ index, code, path }) => [index, code, path]);
  const frames = { events: { seq: 1, events }, rows: { seq: 1, columns: names, rows } };
  const told: Record<string, unknown[]> = {};
  for (const [shape, frame] of Object.entries(frames)) {
    told[`${shape} posted as MessagePack`] = shown((await post(pack(frame), 'application/msgpack')).errors);
    told[`${shape} posted as JSON`] = shown((await post(JSON.stringify(frame), 'application/json')).errors);
    told[`${shape} streamed as MessagePack`] = shown(await overSocket(pack(frame)));
    told[`${shape} streamed as JSON`] = shown(await overSocket(JSON.stringify(frame)));
  }
  const lines = events.map((event) => JSON.stringify(event)).join('\n');
  told['lines posted'] = shown((await post(lines, 'application/x-ndjson')).errors);
  return told;
}

function expectAlike(told: Record<string, unknown[]>, expected: unknown[]): void {
  expect(told).toEqual(Object.fromEntries(Object.keys(told).map((way) => [way, expected])));
}

test('a clamped time is told by every way in, and the event is kept', async () => {
  expectAlike(await toldEverywhere([task('clamp-1'), task('clamp-2', { ts: 1e8 })]), [[1, 'time_clamped', 'ts']]);
});
