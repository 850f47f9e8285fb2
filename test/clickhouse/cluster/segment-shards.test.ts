import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { ClusterSegmentWriter } from '../../../src/clickhouse/cluster/cluster-segment-writer.js';
import { type Shard, shardOf } from '../../../src/clickhouse/cluster/cluster-topology.js';
import type { InsertNote } from '../../../src/core/ports/insert-notes.js';
import type { SpoolSegment } from '../../../src/core/ports/spool-reader.js';
import { tempDir } from '../../support/temp-dir.js';

function shardsOf(weights: readonly number[]): Shard[] {
  return weights.map((weight, at) => ({ number: at + 1, weight, isReplicatedInside: true, replicas: 2 }));
}

const ids = Array.from(
  { length: 6_000 },
  (_, at) => `01a21be9${at.toString(16).padStart(4, '0')}-000000-7b12b7328d8e03a8`,
);

function counts(shards: readonly Shard[]): number[] {
  const found = new Map<number, number>();
  for (const id of ids) found.set(shardOf(id, shards), (found.get(shardOf(id, shards)) ?? 0) + 1);
  return shards.map(({ number }) => found.get(number) ?? 0);
}

test('segments spread over the shards by their weights', () => {
  for (const count of counts(shardsOf([1, 1, 1]))) expect(count / ids.length).toBeCloseTo(1 / 3, 1);
  const [small = 0, large = 0] = counts(shardsOf([1, 3]));
  expect(large / small).toBeGreaterThan(2.5);
  expect(large / small).toBeLessThan(3.5);
});

test('a shard that is added takes segments from each, and nothing else moves', () => {
  const before = shardsOf([1, 1, 1]);
  const after = shardsOf([1, 1, 1, 1]);
  const moved = ids.filter((id) => shardOf(id, before) !== shardOf(id, after));
  expect(moved.length / ids.length).toBeCloseTo(1 / 4, 1);
  for (const id of moved) expect(shardOf(id, after)).toBe(4);
});

/** A writer over a store that notes its statements and fails while it is told to. */
function writerOver(shards: { all: Shard[] }) {
  const state = { note: null as InsertNote | null, statements: [] as string[], fails: false };
  const store = {
    command: async () => undefined,
    writerRows: async () => [],
    insertStream: async ({ sql }: { readonly sql: string }, openBody: () => AsyncIterable<unknown>) => {
      for await (const _ of openBody());
      state.statements.push(sql);
      if (state.fails) throw new Error('away');
    },
  };
  const notes = {
    read: async () => state.note,
    write: async (note: InsertNote) => {
      state.note = note;
    },
  };
  const topology = { shards: async () => shards.all };
  return {
    state,
    writer: new ClusterSegmentWriter({ store, topology, notes }, { database: 'tidemark', quorum: 'auto' }),
  };
}

function segment(id: string): SpoolSegment {
  const dataPath = join(tempDir(), `${id}.data`);
  writeFileSync(dataPath, 'rows');
  return { id, dataPath, bytes: 4, rows: 1, columns: ['tenant'], firstReceivedMs: 1, lastReceivedMs: 1 };
}

test('a segment goes to the shard of its id as one insert with its token, by a quorum where one is set', async () => {
  const { state, writer } = writerOver({ all: shardsOf([1, 1]) });
  await writer.insert(segment(ids[0]!));
  expect(state.statements).toHaveLength(1);
  expect(state.statements[0]).toContain(`insert_shard_id = ${shardOf(ids[0]!, shardsOf([1, 1]))},`);
  expect(state.statements[0]).toContain(`insert_deduplication_token = '${ids[0]}'`);
  expect(state.statements[0]).toContain("insert_quorum = 'auto'");
});

test('what was begun in a shard is tried again in that one, after others were added and after a restart', async () => {
  const shards = { all: shardsOf([1, 1]) };
  const id = ids.find((each) => shardOf(each, shardsOf([1, 1])) !== shardOf(each, shardsOf([1, 1, 1])))!;
  const { state, writer } = writerOver(shards);
  const begun = segment(id);
  state.fails = true;
  await expect(writer.insert(begun)).rejects.toThrow('away');
  const kept = await writer.giveUp(begun);
  shards.all = shardsOf([1, 1, 1]);
  state.fails = false;
  await writer.insert(begun);
  const places = state.statements.map((sql) => / insert_shard_id = (\d)/.exec(sql)?.[1]);
  expect(places[1]).toBe(places[0]);
  // Put aside, and back after others.
  state.note = { segmentId: 'another', content: '{"shard":3}' };
  await writer.insert({ ...begun, arrived: kept ?? '' });
  expect(/ insert_shard_id = (\d)/.exec(state.statements.at(-1)!)?.[1]).toBe(places[0]);
});
