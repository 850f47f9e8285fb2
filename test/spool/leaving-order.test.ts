import { expect, test } from 'vitest';
import type { FaultyFileSystem } from '../support/faulty-file-system.js';
import { seededRandom } from '../support/seeded-random.js';
import { append, mustAppend, settle, spoolBatch, startSpool } from '../support/spool-rig.js';

/** Where no order of names is promised by the disk, the spool has to ask for it. */

/** Changes of names of a segment's files and the syncs between them, by the suffix of the file. */
function watchNames(disk: FaultyFileSystem): string[] {
  const steps: string[] = [];
  disk.addFault((operation, path) => {
    if (operation === 'syncDirectory') steps.push('sync');
    const suffix = /\.(data|log|released)$/.exec(path)?.[1];
    if (suffix !== undefined && (operation === 'rename' || operation === 'remove'))
      steps.push(`${operation} ${suffix}`);
    return null;
  });
  return steps;
}

async function closedSegment() {
  const rig = await startSpool({ segmentRowsMax: 1 });
  await append(rig.spool, { eventIds: [1], frames: [{ seq: 1 }] });
  await append(rig.spool, { frames: [{ seq: 2 }] });
  await settle();
  return { ...rig, id: rig.spool.peek()!.id };
}

test('a released log goes only when it is certain that its data has gone and its positions have not', async () => {
  const { spool, disk, id } = await closedSegment();
  const steps = watchNames(disk);
  await spool.release(id);
  expect(steps).toEqual(['rename log', 'sync', 'remove data', 'sync', 'remove released']);
});

test('a quarantine has happened only when its renames are on the disk', async () => {
  const { spool, disk, id } = await closedSegment();
  const steps = watchNames(disk);
  await spool.quarantine(id, 'store_rejected', null);
  expect(steps).toEqual(['rename data', 'rename log', 'sync']);
});

/** The rows that are delivered after a start, and how often something was quarantined. */
async function delivered(disk: FaultyFileSystem): Promise<string> {
  const { spool, totals } = await startSpool({}, disk);
  let rows = '';
  for (await settle(); spool.peek() !== null; await settle()) {
    const { id, dataPath } = spool.peek()!;
    rows += Buffer.from(disk.content(dataPath)).toString();
    await spool.release(id);
  }
  return `${rows} ${totals.total('segmentsQuarantined', 'corrupt')}`;
}

test('a power cut at any step of a recovery leaves what was acknowledged, and nothing damaged', async () => {
  for (let steps = 0, done = false; !done; steps++) {
    done = true;
    for (let seed = 1; seed <= 10; seed++) {
      const { spool, disk } = await startSpool();
      await append(spool, { rows: 1, content: Buffer.from('one;'), frames: [{ seq: 1 }] });
      // Written and not synced when the process dies: it can be read, and nobody knows of it.
      disk.syncGate = new Promise(() => {});
      void mustAppend(spool, spoolBatch({ rows: 1, content: Buffer.from('two;'), frames: [{ seq: 2 }] }));
      await settle();
      const killed = disk.kill();
      let left = steps;
      let cut: FaultyFileSystem | null = null;
      killed.addFault(() => {
        if (left-- > 0) return null;
        cut ??= killed.crash(seededRandom(seed));
        return 'EIO';
      });
      await startSpool({}, killed).catch(() => {});
      if (cut !== null) done = false;
      expect(['one; 0', 'one;two; 0'], `seed ${seed} step ${steps}`).toContain(
        await delivered(cut ?? killed.crash(seededRandom(seed))),
      );
    }
  }
});
