import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { answerHelp } from '../../src/cli/help.js';
import { errorMessage } from '../../src/core/errors.js';
import { threadCrashAbsence } from '../support/crash-thread.js';
import { seededRandom } from '../support/seeded-random.js';
import { DisturbedStore, disturbances } from './disturbance.js';
import { faultSwitchAbsence } from './fault-switch.js';
import { powerDiskAbsence, removeLeftovers } from './power-disk.js';
import { ProofReport, type RoundOutcome } from './proof-report.js';
import { ProvingRig, type Verdict } from './proving-rig.js';
import { type RoundKind, roundKinds } from './round-kinds.js';

/**
 * `npm run prove -- [--minutes N] [--seed S] [--only kind,kind] [--rounds N]
 * [--during disturbance] [--keep directory]`: faults at random moments of a collector
 * under load, one round after another, and what the store holds afterwards against what was acknowledged. Exit code 1
 * when anything did not hold.
 */
const usage = `usage: prove [--minutes 5] [--seed 1] [--only <kind>,…] [--rounds <count>] [--during <disturbance>]
             [--keep <directory for the data of rounds that do not hold>]
`;
answerHelp(usage);
const { values } = parseArgs({
  options: {
    minutes: { type: 'string', default: '5' },
    seed: { type: 'string', default: '1' },
    only: { type: 'string' },
    rounds: { type: 'string' },
    during: { type: 'string' },
    keep: { type: 'string' },
  },
});
const print = (text: string) => process.stdout.write(`${text}\n`);
const seed = Number(values.seed);
const endMs = performance.now() + Number(values.minutes) * 60_000;
const roundsMax = Number(values.rounds ?? Number.POSITIVE_INFINITY);
/** A disk and its store are used again, so that one fault meets what another left; and not for ever. */
const roundsPerRig = 6;

removeLeftovers();
const absences = { disk: powerDiskAbsence(), faults: faultSwitchAbsence(), threadCrash: threadCrashAbsence() };
const wanted = values.only?.split(',') ?? roundKinds.map(({ name }) => name);
const unknown = wanted.filter((name) => !roundKinds.some((kind) => kind.name === name));
if (unknown.length > 0 || !Number.isInteger(seed) || !(endMs > 0)) {
  print(`cannot prove ${unknown.join(', ') || 'that'}: there are ${roundKinds.map(({ name }) => name).join(', ')}`);
  process.exit(2);
}
const kinds = roundKinds.filter(({ name }) => wanted.includes(name));
const possible = kinds.filter((kind) => whyNot(kind) === null);
const report = new ProofReport(print, { seed, kinds, whyNot });
let rig: ProvingRig | null = null;
let rounds = 0;
for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.once(signal, () => {
    void dispose().then(() => process.exit(report.end() ? 130 : 1));
  });
}

report.begin(Number(values.minutes));
try {
  for (let number = 1; possible.length > 0 && number <= roundsMax && performance.now() < endMs; number++) {
    const kind = possible[(number - 1) % possible.length]!;
    report.add(await round(kind, number));
  }
} finally {
  await dispose();
}
process.exit(report.end() ? 0 : 1);

function whyNot(kind: RoundKind): string | null {
  return (
    (kind.needsDisk ? absences.disk : null) ??
    (kind.needsFaults ? absences.faults : null) ??
    (kind.needsThreadCrash === true ? absences.threadCrash : null)
  );
}

async function round(kind: RoundKind, number: number): Promise<RoundOutcome> {
  const random = seededRandom(seed * 10_007 + number);
  const startedMs = performance.now();
  const byChance = disturbances[Math.floor(random() * disturbances.length)]!;
  const disturbance = disturbances.find((name) => name === values.during) ?? byChance;
  const before = rounds === 0 || rig === null || kind.isFirstStart === true ? 0 : rig.acknowledgedBefore;
  let outcome: Pick<RoundOutcome, 'verdict' | 'trouble'>;
  try {
    outcome = { verdict: await judged(kind, random, disturbance), trouble: null };
  } catch (error) {
    outcome = { verdict: null, trouble: `${errorMessage(error)}\n${rig?.warnings() ?? ''}` };
  }
  const isSound = outcome.verdict !== null && outcome.verdict.findings.length + outcome.verdict.complaints.length === 0;
  const result = { kind, number, disturbance, ...outcome, before, tookMs: performance.now() - startedMs };
  if (!isSound && values.keep !== undefined) await rig?.keep(join(values.keep, `${seed}-${number}`));
  if (!isSound || ++rounds % roundsPerRig === 0) await dispose();
  return result;
}

async function judged(
  kind: RoundKind,
  random: () => number,
  disturbance: (typeof disturbances)[number],
): Promise<Verdict> {
  if (kind.isFirstStart === true) {
    await dispose();
    rig = newRig(random);
    rig.launch();
    await kind.strike(rig, random);
    rig.beginLoad();
    await rig.untilAcknowledged(10);
  } else {
    if (rig === null) {
      rig = newRig(random);
      await rig.begin();
    }
    rig.beginLoad();
    await rig.untilAcknowledged(3);
    const disturbed = new DisturbedStore(rig, random, disturbance);
    await kind.strike(rig, random);
    await disturbed.end();
    await rig.finishLoad();
    return await rig.check(() => disturbed.mend());
  }
  await rig.finishLoad();
  return await rig.check();
}

function newRig(random: () => number): ProvingRig {
  const commitSeconds = [1, 5, 30][Math.floor(random() * 3)]!;
  return new ProvingRig({
    random,
    disk: absences.disk === null ? { commitSeconds } : null,
    hasFaults: absences.faults === null,
  });
}

async function dispose(): Promise<void> {
  await rig?.remove();
  rig = null;
  rounds = 0;
}
