import { afterAll, beforeAll, expect, test } from 'vitest';
import { rawTable } from '../../src/core/event-schema.js';
import type { SpoolSegment } from '../../src/core/ports/spool-reader.js';
import { added, ExactInserts, tables } from '../support/exact-inserts.js';

let inserts: ExactInserts;

beforeAll(async () => {
  inserts = await ExactInserts.begin();
  expect(Object.keys(inserts.once).length).toBeGreaterThan(10);
});

afterAll(() => inserts.end());

test('a segment that was inserted and not released is not inserted again, though its token is lost', async () => {
  const segment = await inserts.nextSegment();
  const before = await inserts.tableRows();
  await inserts.createWriter().writer.insert(segment);
  await inserts.loseTokens();
  const again = inserts.createWriter();
  await again.writer.insert(segment);
  expect(added(before, await inserts.tableRows())).toEqual(inserts.once);
  expect(again.outcomes).toEqual(['complete']);
});

test('a segment that was inserted and merged with older rows is recognised in the merged parts', async () => {
  const segment = await inserts.nextSegment();
  await inserts.createWriter().writer.insert(segment);
  for (const { name } of await inserts.store.select<{ name: string }>(tables))
    await inserts.store.run(`OPTIMIZE TABLE ${name} FINAL`);
  await inserts.loseTokens();
  const before = await inserts.tableRows();
  const again = inserts.createWriter();
  await again.writer.insert(segment);
  expect(added(before, await inserts.tableRows())).toEqual({});
  expect(again.outcomes).toEqual(['complete']);
});

for (const table of [
  rawTable,
  'agent_performance_per_day_v1',
  'agent_failures_v1',
  'agent_tries_v1',
  'agent_pattern_feedback_v1',
]) {
  test(`a segment that is everywhere but in ${table} is completed there alone`, async () => {
    const segment = await inserts.nextSegment();
    const before = await inserts.tableRows();
    await inserts.createWriter().writer.insert(segment);
    const [newest] = await inserts.newestParts(table);
    await inserts.store.run(`ALTER TABLE ${table} DROP PART '${newest?.name}'`);
    expect(added(before, await inserts.tableRows())).not.toEqual(inserts.once);
    const again = inserts.createWriter();
    await again.writer.insert(segment);
    expect(added(before, await inserts.tableRows())).toEqual(inserts.once);
    expect(again.outcomes).toEqual(['completed']);
    await inserts.createWriter().writer.insert(segment);
    expect(added(before, await inserts.tableRows())).toEqual(inserts.once);
  });
}

test('an insert that a missing table broke off half-way is completed, also under another view', async () => {
  const segment = await inserts.nextSegment();
  const before = await inserts.tableRows();
  await inserts.store.run('RENAME TABLE agent_runs_v1 TO away');
  const { writer } = inserts.createWriter();
  await expect(writer.insert(segment)).rejects.toMatchObject({ retryable: true });
  await inserts.store.run('RENAME TABLE away TO agent_runs_v1');
  await writer.insert(segment);
  expect(added(before, await inserts.tableRows())).toEqual(inserts.once);
});

test('a completion that is cut short anywhere is taken up again', async () => {
  for (const name of [/^table beside agent_failures_v1/, /^rows of segment .* for agent_runs_v1/, /^completion of/]) {
    const segment = await inserts.nextSegment();
    const before = await inserts.tableRows();
    await inserts.createWriter().writer.insert(segment);
    for (const table of [rawTable, 'agent_runs_v1', 'agent_errors_per_day_v1']) {
      const [newest] = await inserts.newestParts(table);
      await inserts.store.run(`ALTER TABLE ${table} DROP PART '${newest?.name}'`);
    }
    const cut = inserts.createWriter({ after: { name, run: () => Promise.reject(new Error('cut')) } });
    await expect(cut.writer.insert(segment)).rejects.toThrow('cut');
    await inserts.createWriter().writer.insert(segment);
    expect(added(before, await inserts.tableRows())).toEqual(inserts.once);
  }
  const left = await inserts.store.select("SELECT name FROM system.tables WHERE name LIKE '%beside%'");
  expect(left).toEqual([]);
});

test('a segment that is put aside half-way tells what the store has, and comes back once', async () => {
  const segment = await inserts.nextSegment();
  const before = await inserts.tableRows();
  await inserts.createWriter().writer.insert(segment);
  const [newest] = await inserts.newestParts('agent_runs_v1');
  await inserts.store.run(`ALTER TABLE agent_runs_v1 DROP PART '${newest?.name}'`);
  const arrived = await inserts.createWriter().writer.giveUp(segment);
  // Others go on meanwhile.
  await inserts.createWriter().writer.insert(await inserts.nextSegment());
  const between = await inserts.tableRows();
  await inserts.createWriter().writer.insert({ ...segment, arrived: arrived! });
  expect(Object.keys(added(between, await inserts.tableRows()))).toEqual([expect.stringMatching(/^agent_runs_v1\//)]);
  expect(added(before, await inserts.tableRows())).toEqual(
    Object.fromEntries(Object.entries(inserts.once).map(([place, rows]) => [place, 2 * rows])),
  );
});

test('a newer segment in doubt stays exact when an older one comes back before it', async () => {
  const older = await inserts.nextSegment();
  const back = await inserts.nextSegment();
  const doubtful = await inserts.nextSegment();
  const before = await inserts.tableRows();
  await inserts.createWriter().writer.insert(older);
  const arrived = await inserts.createWriter().writer.giveUp(older);
  await inserts.createWriter().writer.insert(doubtful);
  const [newest] = await inserts.newestParts('agent_runs_v1');
  await inserts.store.run(`ALTER TABLE agent_runs_v1 DROP PART '${newest?.name}'`);
  for (const segment of [{ ...older, arrived: arrived! }, { ...back, arrived: '' }, doubtful]) {
    await inserts.createWriter().writer.insert(segment);
  }
  expect(added(before, await inserts.tableRows())).toEqual(
    Object.fromEntries(Object.entries(inserts.once).map(([place, rows]) => [place, 3 * rows])),
  );
});

test('segments that were put aside half-way one after another come back with what they lack', async () => {
  const before = await inserts.tableRows();
  const back: SpoolSegment[] = [];
  for (let count = 0; count < 2; count++) {
    const segment = await inserts.nextSegment();
    await inserts.createWriter().writer.insert(segment);
    const [newest] = await inserts.newestParts('agent_runs_v1');
    await inserts.store.run(`ALTER TABLE agent_runs_v1 DROP PART '${newest?.name}'`);
    back.push({ ...segment, arrived: (await inserts.createWriter().writer.giveUp(segment))! });
  }
  // As maintenance does, while nothing is delivered.
  await inserts.store.run('INSERT INTO agent_runs_v1 SELECT * FROM agent_runs_v1 LIMIT 1');
  for (const segment of back) await inserts.createWriter().writer.insert(segment);
  const twice = Object.fromEntries(Object.entries(inserts.once).map(([place, rows]) => [place, 2 * rows]));
  const found = added(before, await inserts.tableRows());
  for (const place of Object.keys(found)) if (place.startsWith('agent_runs_v1/')) found[place]! -= 1;
  expect(found).toEqual(twice);
});

test('segments that were inserted and are put back together are each there once, and so is what follows', async () => {
  const before = await inserts.tableRows();
  const segments = [
    await inserts.nextSegment(),
    await inserts.nextSegment(),
    await inserts.nextSegment(),
    await inserts.nextSegment(),
  ];
  for (const segment of segments) await inserts.createWriter().writer.insert(segment);
  // Without the last, which the note is of, and with it.
  for (const back of [segments.slice(0, 3), segments]) {
    for (const segment of back) await inserts.createWriter().writer.insert(segment);
  }
  await inserts.createWriter().writer.insert(await inserts.nextSegment());
  expect(added(before, await inserts.tableRows())).toEqual(
    Object.fromEntries(Object.entries(inserts.once).map(([place, rows]) => [place, 5 * rows])),
  );
});

test('a table that was made after the note is not taken for reached by the insert', async () => {
  const segment = await inserts.nextSegment();
  await inserts.createWriter().writer.insert(segment);
  const note = await inserts.notes.read();
  const content = JSON.parse(note!.content) as { marks: Record<string, number> };
  delete content.marks.agent_runs_v1;
  await inserts.notes.write({ ...note!, content: JSON.stringify(content) });
  for (const table of [rawTable, 'agent_failures_v1']) {
    const [newest] = await inserts.newestParts(table);
    await inserts.store.run(`ALTER TABLE ${table} DROP PART '${newest?.name}'`);
  }
  const before = await inserts.tableRows();
  await inserts.createWriter().writer.insert(segment);
  const places = Object.keys(added(before, await inserts.tableRows())).map((place) => place.replace(/\/.*/, ''));
  expect(places.sort()).toEqual([rawTable, 'agent_failures_v1', 'agent_runs_v1'].sort());
});

test('a segment of a version that took no notes goes by its token', async () => {
  inserts.notes = inserts.freshNotes();
  const segment = await inserts.nextSegment();
  const before = await inserts.tableRows();
  await inserts.createWriter().writer.insert(segment);
  // The same again, as after the update of a collector that had not released it.
  inserts.notes = inserts.freshNotes();
  await inserts.createWriter().writer.insert(segment);
  await inserts.createWriter().writer.insert(segment);
  expect(added(before, await inserts.tableRows())).toEqual(inserts.once);
});
