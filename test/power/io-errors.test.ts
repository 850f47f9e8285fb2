import { expect, test } from 'vitest';
import { type Fault, faultSwitchAbsence } from '../prove/fault-switch.js';
import { complaintsOf } from '../prove/proof-report.js';
import { ProvingRig, until } from '../prove/proving-rig.js';
import { seededRandom, testSeed } from '../support/seeded-random.js';

/** Errors of single file calls in the engine, which it reports, mistakes or does not report at all. */
const absence = faultSwitchAbsence();
const note = absence === null ? '' : ` (skipped: ${absence})`;
const seed = testSeed(20_261_126);

interface Case {
  readonly says: string;
  readonly fault: Omit<Fault, 'in'>;
}

const cases: readonly Case[] = [
  {
    says: 'a write to a data file of an insert that fails loses nothing',
    fault: { calls: ['write'], paths: '*/tmp_insert_*/data.*', error: 'EIO', hitsMax: 1 },
  },
  {
    says: 'syncs of an insert that fail again and again are no verdict on its events',
    fault: { calls: ['sync'], paths: '*/tmp_insert_*', error: 'EIO', hitsMax: 40 },
  },
  {
    says: 'a segment whose file cannot be opened for a while waits',
    fault: { calls: ['open'], paths: '*/spool/*.data', error: 'ENOENT', hitsMax: 4 },
  },
  {
    says: 'parts that cannot be renamed for a while are inserted later, once in every table',
    fault: { calls: ['rename'], paths: '*/db/store/*/20????_*', error: 'EIO', skipped: 3, hitsMax: 6 },
  },
];

test.skipIf(absence !== null).each(cases)(`$says${note}`, async ({ fault }) => {
  const options = { hasFaults: true, eventsPerFrame: 20, pauseMs: 100 };
  const rig = new ProvingRig({ random: seededRandom(seed), ...options });
  try {
    await rig.begin();
    rig.beginLoad();
    await rig.untilAcknowledged(2);
    rig.faults?.set({ in: 'engine', ...fault });
    await until('a call fails', () => rig.faults?.hits().count !== 0);
    await rig.untilAcknowledged(10);
    await rig.finishLoad();
    await rig.untilDelivered();
    // What is in the engine's memory is not proof of what is on the disk.
    await rig.killEverything();
    await rig.start();
    expect(complaintsOf(await rig.check()), `seed ${seed}`).toEqual([]);
  } finally {
    await rig.remove();
  }
});
