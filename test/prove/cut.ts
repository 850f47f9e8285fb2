import { parseArgs } from 'node:util';
import { seededRandom } from '../support/seeded-random.js';
import { powerDiskAbsence, removeLeftDisks } from './power-disk.js';
import { ProvingRig, until } from './proving-rig.js';

const { values } = parseArgs({
  options: {
    kind: { type: 'string', default: 'random' },
    cuts: { type: 'string', default: '3' },
    seed: { type: 'string', default: '1' },
    fresh: { type: 'boolean', default: false },
    commit: { type: 'string', default: '1' },
  },
});
const print = (text: string) => process.stdout.write(`${text}\n`);
removeLeftDisks();
const absence = powerDiskAbsence();
if (absence !== null) {
  print(`skipped: ${absence}`);
  process.exit(0);
}
const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));
let rig: ProvingRig | null = null;
const random = seededRandom(Number(values.seed));

async function cutAt(kind: string, rig: ProvingRig): Promise<void> {
  if (kind === 'random') await pause(500 + 4000 * random());
  else if (kind === 'merged' || kind === 'aged') {
    await rig.untilAcknowledged(40);
    print(`  source parts gone: ${await rig.mergeAll()}`);
    await pause(1500);
  } else if (kind === 'unreleased') {
    await pause(1500);
    rig.faults!.set({ in: 'collector', calls: ['rename'], paths: '*.released', action: 'stop', hitsMax: 1 });
    await until('the collector stopped', () => rig.faults!.hits().count > 0);
    await pause(200);
    rig.faults!.clear();
  } else throw new Error(`no kind ${kind}`);
}

try {
  for (let cut = 1; cut <= Number(values.cuts); cut++) {
    if (rig === null || values.fresh) {
      await rig?.remove();
      rig = new ProvingRig({
        random,
        disk: { commitSeconds: Number(values.commit) },
        hasFaults: values.kind === 'unreleased',
      });
      await rig.begin();
      if (values.kind === 'aged' || values.kind === 'merged')
        await rig.deletePartsPromptly(values.kind === 'aged' ? 1 : null);
    }
    const t0 = performance.now();
    rig.beginLoad();
    await rig.untilAcknowledged(3);
    await cutAt(values.kind, rig);
    const t1 = performance.now();
    rig.powerOff();
    await rig.powerOn();
    const t2 = performance.now();
    await rig.finishLoad();
    const t3 = performance.now();
    await rig.untilDelivered();
    const t4 = performance.now();
    const verdict = await rig.check();
    const t5 = performance.now();
    print(
      `  load ${(t1 - t0).toFixed()} restart ${(t2 - t1).toFixed()} finish ${(t3 - t2).toFixed()} delivered ${(t4 - t3).toFixed()} check ${(t5 - t4).toFixed()}`,
    );
    const detached = await rig.collector.query<{ table: string; reason: string; n: number }>(
      `SELECT table, reason, toUInt32(count()) AS n FROM system.detached_parts GROUP BY table, reason`,
    );
    print(
      `cut ${cut} (${values.kind}, seed ${values.seed}): ${verdict.acknowledged} acknowledged, ${verdict.lost} lost, ${verdict.twice} twice, ${Math.round(performance.now() - t0)} ms`,
    );
    for (const { table, lost, twice, words } of verdict.findings)
      print(`    ${table}: lost ${lost}, twice ${twice} ${words}`);
    for (const complaint of verdict.complaints) print(`    ${complaint}`);
    if (detached.length > 0) print(`    detached ${JSON.stringify(detached)}`);
    const { quarantined, balanced } = await rig.ledger();
    if (quarantined > 0 || !balanced) print(`    quarantined ${quarantined}, balanced ${balanced}`);
  }
} catch (error) {
  print(`FAILED ${error instanceof Error ? error.stack : error}\n${rig?.collector.output.slice(-3000)}`);
  process.exitCode = 1;
} finally {
  await rig?.remove();
}
process.exit();
