import { expect, test } from 'vitest';
import { silentLogger } from '../../src/core/logger.js';
import { PositionJournal } from '../../src/spool/position-journal.js';
import { PositionTable } from '../../src/spool/position-table.js';
import { FaultyFileSystem } from '../support/faulty-file-system.js';
import {
  append,
  mustAppend,
  type SpoolRig,
  settle,
  spoolBatch,
  spoolDirectory,
  startSpool,
} from '../support/spool-rig.js';

const journalPath = `${spoolDirectory}/positions`;

/** Holds back what is synced from now on, until the returned function is called. */
function holdSyncs({ disk }: SpoolRig): () => void {
  let open = () => {};
  disk.syncGate = new Promise((resolve) => {
    open = resolve;
  });
  return () => {
    disk.syncGate = Promise.resolve();
    open();
  };
}

test('a journal that is rewritten holds durable positions, not those of frames that are only appended', async () => {
  const rig = await startSpool({ segmentRowsMax: 1 });
  const { spool, disk } = rig;
  await append(spool, { frames: [{ producer: 'a', seq: 1 }] });
  await append(spool, { frames: [{ producer: 'b', seq: 1 }] });
  await append(spool, { frames: [{ producer: 'c', seq: 1 }] });
  await settle();
  // After a failed append the next release writes the journal anew.
  let failures = 0;
  const heal = disk.addFault((operation, path) =>
    operation === 'write' && path.startsWith(journalPath) && ++failures > 0 ? 'ENOSPC' : null,
  );
  await spool.release(spool.peek()!.id);
  heal();
  expect(failures).toBe(1);
  const release = holdSyncs(rig);
  const appended = [
    mustAppend(spool, spoolBatch({ frames: [{ producer: 'a', seq: 9 }] })),
    mustAppend(spool, spoolBatch({ frames: [{ producer: 'new', seq: 9 }] })),
  ];
  await settle();
  disk.syncGate = Promise.resolve();
  await spool.release(spool.peek()!.id);
  expect(['a', 'new'].map((producer) => spool.lastSeq('acme', producer))).toEqual([9, 9]);
  const cut = disk.crash(() => 0);
  release();
  await Promise.allSettled(appended);
  const next = await startSpool({}, cut);
  expect(['a', 'b', 'c', 'new'].map((producer) => next.spool.lastSeq('acme', producer))).toEqual([1, 1, 1, 0]);
});

test('a journal whose note of the newest receipt is missing takes the time from its positions', async () => {
  const disk = new FaultyFileSystem();
  const open = () =>
    PositionJournal.open(
      { fileSystem: disk, table: new PositionTable(10, () => undefined), logger: silentLogger },
      { directory: spoolDirectory, bytesMin: 1e6 },
    );
  const journal = await open();
  const used = [1_700_000_000, 1_700_000_007, 1_700_000_003];
  const positions = used.map((usedS, index) => ({ low: index + 1, high: 9, seq: 5, usedS }));
  await journal.append(positions, { receivedMs: 0, eventIdFile: 0 });
  await journal.close();
  expect((await open()).notes.receivedMs).toBe(1_700_000_007_000);
});

test('a release journals the numbers of its segment, not those that its producers have reached since', async () => {
  const rig = await startSpool({ segmentRowsMax: 1 });
  const { spool, disk } = rig;
  await append(spool, { frames: [{ producer: 'a', seq: 1 }] });
  await append(spool, { frames: [{ producer: 'b', seq: 1 }] });
  await settle();
  const release = holdSyncs(rig);
  const appended = mustAppend(spool, spoolBatch({ frames: [{ producer: 'a', seq: 9 }] }));
  await settle();
  disk.syncGate = Promise.resolve();
  await spool.release(spool.peek()!.id);
  const cut = disk.crash(() => 0);
  release();
  await appended.catch(() => {});
  const next = await startSpool({}, cut);
  expect(next.spool.lastSeq('acme', 'a')).toBe(1);
});

test('positions of two tenants with one producer stay apart in batches, segments and journal', async () => {
  const frames = (seq: number) =>
    ['acme', 'globex', 'globex', 'acme', 'initech'].map((tenant, index) => ({
      tenant,
      producer: 'p',
      seq: seq + 10 * index,
      rows: 1,
    }));
  const positions = ({ spool }: SpoolRig) => ['acme', 'globex', 'initech'].map((tenant) => spool.lastSeq(tenant, 'p'));
  const first = await startSpool({ segmentRowsMax: 5 });
  await append(first.spool, { rows: 5, frames: frames(1) });
  expect(positions(first)).toEqual([31, 21, 41]);
  const second = await startSpool({ segmentRowsMax: 5 }, first.disk.kill());
  expect(positions(second)).toEqual([31, 21, 41]);
  await settle();
  await second.spool.release(second.spool.peek()!.id);
  const third = await startSpool(
    { segmentRowsMax: 5 },
    second.disk.crash(() => 0),
  );
  expect(third.spool.peek()).toBeNull();
  expect(positions(third)).toEqual([31, 21, 41]);
});

/** A journal by itself and its table, as of a process that has just started. */
async function openJournal(disk: FaultyFileSystem) {
  const table = new PositionTable(200_000, () => {});
  const deps = { fileSystem: disk, table, logger: silentLogger };
  const journal = await PositionJournal.open(deps, { directory: spoolDirectory, bytesMin: 1_048_576 });
  return { journal, table };
}

test.each([1, 65_535, 65_536, 65_537, 131_072])(
  'a journal keeps %i positions, appended or rewritten',
  async (count) => {
    const disk = new FaultyFileSystem();
    const { journal, table } = await openJournal(disk);
    const entries = Array.from({ length: count }, (_, low) => ({ low, high: 7, seq: low + 1, usedS: 1 }));
    for (const { low, high, seq, usedS } of entries) {
      table.advance(low, high, seq, usedS);
      table.carry(low, high, seq);
    }
    await journal.append(entries, { receivedMs: 0, eventIdFile: 0 });
    // The first start reads what was appended, the second what the first has written anew.
    for (let start = 1; start <= 2; start++) {
      const opened = await openJournal(disk);
      const wrong = entries.filter(({ low, high, seq }) => opened.table.seqOf(low, high) !== seq);
      expect([opened.table.size, wrong]).toEqual([count, []]);
      expect(disk.files()).toEqual([journalPath]);
    }
  },
);
