import { truncateSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest';
import type { SpoolSegment } from '../../src/core/ports/spool-reader.js';
import { added, ExactInserts, placed, tables } from '../support/exact-inserts.js';

let inserts: ExactInserts;

beforeAll(async () => {
  inserts = await ExactInserts.begin();
  expect(Object.keys(inserts.once).length).toBeGreaterThan(10);
});

afterAll(() => inserts.end());

/** Inserts a segment of which a file of one part is not written. */
async function insertBroken(table: string, file = 'data.bin'): Promise<SpoolSegment> {
  const segment = await inserts.nextSegment();
  const { writer } = inserts.createWriter({
    after: {
      name: /^insert of segment/,
      async run() {
        const [newest] = await inserts.newestParts(table);
        truncateSync(join(newest!.directory, file), 0);
      },
    },
  });
  await expect(writer.insert(segment)).rejects.toMatchObject({ code: 'store_failed', retryable: true });
  return segment;
}

/** The engine does not clear away what a detached part leaves, as when its disk fails. */
async function keepEmptyParts(table: string): Promise<void> {
  await inserts.store.run(`ALTER TABLE ${table} MODIFY SETTING remove_empty_parts = 0`);
  onTestFinished(() => inserts.store.run(`ALTER TABLE ${table} RESET SETTING remove_empty_parts`));
}

const cut = () => Promise.reject(new Error('cut'));

// Of the rows, and what the engine needs to know of the part at its next start, which no check of rows asks for.
for (const file of ['data.bin', 'metadata_version.txt']) {
  test(`a part whose ${file} was not written is not taken for inserted, and is made again`, async () => {
    const before = await inserts.tableRows();
    const segment = await insertBroken('agent_performance_per_minute_v1', file);
    const { writer, outcomes, broken } = inserts.createWriter();
    await writer.insert(segment);
    expect(added(before, await inserts.tableRows())).toEqual(inserts.once);
    expect({ outcomes, broken }).toEqual({ outcomes: ['completed'], broken: ['insert'] });
  });
}

test('what a detached part leaves in its place is not taken for its rows', async () => {
  await keepEmptyParts('agent_errors_per_day_v1');
  const before = await inserts.tableRows();
  const segment = await insertBroken('agent_errors_per_day_v1');
  const first = inserts.createWriter({ after: { name: /^detaching/, run: cut } });
  await expect(first.writer.insert(segment)).rejects.toThrow('cut');
  const { writer, outcomes } = inserts.createWriter();
  await writer.insert(segment);
  expect(added(before, await inserts.tableRows())).toEqual(inserts.once);
  expect(outcomes).toEqual(['completed']);
});

test('a part merged from what a detached one has left and older ones is not taken for its rows', async () => {
  await keepEmptyParts('agent_errors_per_day_v1');
  const segment = await insertBroken('agent_errors_per_day_v1');
  const first = inserts.createWriter({ after: { name: /^table beside/, run: cut } });
  await expect(first.writer.insert(segment)).rejects.toThrow('cut');
  await inserts.store.run('OPTIMIZE TABLE agent_errors_per_day_v1 FINAL');
  const failures = async () => {
    const [sum] = await inserts.store.select('SELECT sum(occurrences) AS failures FROM agent_errors_per_day_v1');
    return Number(sum?.failures);
  };
  const before = await failures();
  await inserts.createWriter().writer.insert(segment);
  expect(await failures()).toBeGreaterThan(before);
});

test('an insert that is reported done while its rows are not there is done again under another token', async () => {
  const segment = await inserts.nextSegment();
  const before = await inserts.tableRows();
  const { writer, outcomes } = inserts.createWriter({
    after: {
      name: /^insert of segment/,
      async run() {
        for (const { name } of await inserts.store.select<{ name: string }>(tables)) {
          for (const part of await inserts.newestParts(name)) {
            const gone = added(before, await inserts.tableRows());
            if (!Object.keys(gone).some((place) => place.startsWith(`${name}/`))) break;
            await inserts.store.run(`ALTER TABLE ${name} DROP PART '${part.name}'`);
          }
        }
      },
    },
  });
  await expect(writer.insert(segment)).rejects.toMatchObject({ code: 'store_failed', retryable: true });
  await writer.insert(segment);
  expect(added(before, await inserts.tableRows())).toEqual(inserts.once);
  expect(outcomes).toEqual(['repeated']);
});

test('a token that is remembered for parts that are lost does not keep their rows from being inserted', async () => {
  const segment = await inserts.nextSegment();
  const before = await inserts.tableRows();
  await inserts.createWriter().writer.insert(segment);
  const lost = await inserts.newestDirectories();
  await inserts.restartWithout((name) => lost.has(placed(name)));
  expect(added(before, await inserts.tableRows())).toEqual({});
  const again = inserts.createWriter();
  await again.writer.insert(segment);
  expect(added(before, await inserts.tableRows())).toEqual(inserts.once);
  expect(again.outcomes).toEqual(['repeated']);
});

test('a token that only the table of a view remembers does not keep its rows from being inserted', async () => {
  const segment = await inserts.nextSegment();
  const before = await inserts.tableRows();
  await inserts.createWriter().writer.insert(segment);
  const lost = await inserts.newestDirectories();
  const [kept] = await inserts.newestParts('agent_memory_per_day_v1');
  const log = join(kept!.directory, '..', 'deduplication_logs');
  const isForgotten = (name: string) => /deduplication_logs$/.test(name) && placed(name) !== placed(log);
  await inserts.restartWithout((name) => lost.has(placed(name)) || isForgotten(name));
  expect(added(before, await inserts.tableRows())).toEqual({});
  const again = inserts.createWriter();
  await again.writer.insert(segment);
  expect(added(before, await inserts.tableRows())).toEqual(inserts.once);
  expect(again.outcomes).toEqual(['completed']);
});
