import { expect, test } from 'vitest';
import { faultSwitchAbsence } from '../prove/fault-switch.js';
import { powerDiskAbsence, removeLeftovers } from '../prove/power-disk.js';
import { complaintsOf } from '../prove/proof-report.js';
import { ProvingRig, until } from '../prove/proving-rig.js';
import { seededRandom, testSeed } from '../support/seeded-random.js';

/**
 * Real power cuts, as far as a file system knows them: an ext4 of its own that stops writing at once. Here are cuts at
 * the moments that once lost or doubled something; `npm run prove` has random ones.
 */
removeLeftovers();
const absence = powerDiskAbsence() ?? faultSwitchAbsence();
const note = absence === null ? '' : ` (skipped: ${absence})`;
const seed = testSeed(20_261_126);

test.skipIf(absence !== null)(
  `a segment that was inserted and not released is there once after a power cut${note}`,
  async () => {
    const rig = newRig();
    try {
      await rig.begin();
      rig.beginLoad();
      await rig.untilAcknowledged(3);
      const fault = { in: 'collector', calls: ['rename'], paths: '*.released', action: 'stop', hitsMax: 1 } as const;
      rig.faults?.set(fault);
      await until('the collector is about to release a segment', () => rig.faults?.hits().count === 1);
      rig.faults?.clear();
      await rig.cutPower();
      await rig.finishLoad();
      expect(complaintsOf(await rig.check()), `seed ${seed}`).toEqual([]);
    } finally {
      await rig.remove();
    }
  },
);

test.skipIf(absence !== null)(`what is merged survives a power cut when its sources are deleted${note}`, async () => {
  const rig = newRig();
  try {
    await rig.begin();
    await rig.deletePartsPromptly(1);
    rig.beginLoad();
    await rig.untilAcknowledged(15);
    await rig.finishLoad();
    await rig.untilDelivered();
    await rig.mergeAll();
    // The journal is written every second, data that nobody synced after half a minute.
    await new Promise((resolve) => setTimeout(resolve, 1_500));
    await rig.cutPower();
    expect(complaintsOf(await rig.check()), `seed ${seed}`).toEqual([]);
  } finally {
    await rig.remove();
  }
});

test.skipIf(absence !== null)(`an insert that the power cut half-way is there once in every table${note}`, async () => {
  const rig = newRig();
  try {
    await rig.begin();
    rig.beginLoad();
    await rig.untilAcknowledged(3);
    // The raw rows and the first views' are visible, the others are not.
    const paths = '*/db/store/*/20????_*|*/db/store/*/all_*';
    rig.faults?.set({ in: 'engine', calls: ['rename'], paths, action: 'stop', skipped: 5, hitsMax: 1 });
    await until('the engine is in the middle of an insert', () => rig.faults?.hits().count === 1);
    rig.faults?.clear();
    await rig.cutPower();
    await rig.finishLoad();
    expect(complaintsOf(await rig.check()), `seed ${seed}`).toEqual([]);
  } finally {
    await rig.remove();
  }
});

function newRig(): ProvingRig {
  return new ProvingRig({
    random: seededRandom(seed),
    disk: { commitSeconds: 1 },
    hasFaults: true,
    eventsPerFrame: 20,
    pauseMs: 100,
  });
}
