import type { Random } from '../../src/core/clock.js';
import { randomInteger } from '../support/seeded-random.js';
import type { Fault, FaultCall } from './fault-switch.js';
import { type ProvingRig, until } from './proving-rig.js';

/** A fault at a moment of a collector under load; it returns when the collector runs again. */
export interface RoundKind {
  readonly name: string;
  readonly words: string;
  /** What the machine must offer. */
  readonly needsDisk: boolean;
  readonly needsFaults: boolean;
  readonly needsThreadCrash?: boolean;
  /** Whether it is about a store that has never been there. */
  readonly isFirstStart?: boolean;
  strike(rig: ProvingRig, random: Random): Promise<void>;
}

export const roundKinds: readonly RoundKind[] = [
  cut('cut-random', 'the power is cut at a random moment', async (_rig, random) => {
    await pause(random, 100, 3_500);
  }),
  cut('cut-unreleased', 'the power is cut between an insert and its release', stopAtRelease, true),
  cut('cut-half-inserted', 'the power is cut half-way through an insert', stopWithinInsert, true),
  cut('cut-merged', 'the power is cut when what was merged is deleted', async (rig) => {
    await rig.deletePartsPromptly(1);
    await rig.untilAcknowledged(25);
    await rig.mergeAll();
    // Long enough for the journal, too short for the data that was not synced.
    await sleep(2_000);
  }),
  {
    ...cut('cut-restart', 'the power is cut, and again while the collector recovers', async (rig, random) => {
      await pause(random, 100, 2_000);
      rig.powerOff();
      await rig.restorePower();
      rig.launch();
      await pause(random, 50, 3_000);
    }),
  },
  {
    ...cut('cut-first-start', 'the power is cut during the first start', async (_rig, random) => {
      await pause(random, 50, 4_000);
    }),
    isFirstStart: true,
  },
  errors('error-engine', 'file calls of the engine fail for a while', 'engine'),
  errors('error-collector', 'file calls of the collector fail for a while', 'collector'),
  errors('error-both', 'file calls of both fail for a while', 'both'),
  {
    ...errors('error-cut', 'syncs fail for a while, then the power is cut', 'both'),
    needsDisk: true,
    async strike(rig, random) {
      const fault = { ...randomFault('both', random), calls: ['sync'] as const, action: 'fail' as const };
      await injectFor(rig, fault, randomInteger(random, { min: 300, max: 1_500 }));
      await rig.cutPower();
    },
  },
  kills('kill-collector', 'the collector is killed', async (rig) => {
    await rig.collector.kill();
    await rig.collector.start();
  }),
  kills('kill-engine', 'the engine is killed', async (rig) => rig.killEngine()),
  {
    ...kills('crash-engine', 'a thread of the engine crashes', async (rig) => rig.crashEngine()),
    needsThreadCrash: true,
  },
  kills('kill-both', 'both are killed', async (rig) => {
    await rig.killEverything();
    await rig.collector.start();
  }),
  {
    name: 'set-aside',
    words: 'the store refuses rows half-way, and they are replayed later',
    needsDisk: false,
    needsFaults: false,
    strike: refuseRows,
  },
];

type Moment = (rig: ProvingRig, random: Random) => Promise<void>;

function cut(name: string, words: string, moment: Moment, needsFaults = false): RoundKind {
  return {
    name,
    words,
    needsDisk: true,
    needsFaults,
    async strike(rig, random) {
      await moment(rig, random);
      rig.powerOff();
      rig.faults?.clear();
      await rig.powerOn();
    },
  };
}

async function stopAtRelease(rig: ProvingRig): Promise<void> {
  await stopAt(rig, { in: 'collector', calls: ['rename'], paths: '*.released', action: 'stop', hitsMax: 1 });
}

/** Before one of the renames by which the parts of an insert, one a table and partition, become visible. */
async function stopWithinInsert(rig: ProvingRig, random: Random): Promise<void> {
  const skipped = randomInteger(random, { min: 0, max: 14 });
  const paths = '*/db/store/*/20????_*|*/db/store/*/all_*';
  await stopAt(rig, { in: 'engine', calls: ['rename'], paths, action: 'stop', skipped, hitsMax: 1 });
}

async function stopAt(rig: ProvingRig, fault: Fault): Promise<void> {
  const { faults } = rig;
  if (faults === null) throw new Error('cannot stop a process at a call: the rig has no faults');
  faults.set(fault);
  await until('the process is where it is to be stopped', () => faults.hits().count > 0, 20_000);
  await sleep(150);
}

function errors(name: string, words: string, where: Fault['in']): RoundKind {
  return {
    name,
    words,
    needsDisk: false,
    needsFaults: true,
    async strike(rig, random) {
      await injectFor(rig, randomFault(where, random), randomInteger(random, { min: 200, max: 2_500 }));
      // What was said to be written is read from memory until the process has gone.
      const after = randomInteger(random, { min: 0, max: 3 });
      if (after === 0) await rig.killEngine();
      else if (after === 1 && rig.disk !== null) await rig.cutPower();
      else if (after < 3) {
        await rig.killEverything();
        await rig.collector.start();
      }
    },
  };
}

/** A rule of one of the tables that no row keeps: for good, as far as the store can say, until it is dropped. */
async function refuseRows(rig: ProvingRig, random: Random): Promise<void> {
  const tables = ['agent_events_raw_v1', 'agent_performance_per_day_v1', 'agent_runs_v1', 'agent_failures_v1'];
  const table = tables[randomInteger(random, { min: 0, max: tables.length - 1 })];
  await rig.collector.write(`ALTER TABLE ${table} ADD CONSTRAINT IF NOT EXISTS refusal CHECK 0`);
  await until('a segment is set aside', async () => (await rig.ledger()).quarantined > 0);
  await rig.collector.write(`ALTER TABLE ${table} DROP CONSTRAINT IF EXISTS refusal`);
  if (random() < 0.5) return;
  await rig.killEverything();
  await rig.collector.start();
}

async function injectFor(rig: ProvingRig, fault: Fault, ms: number): Promise<void> {
  rig.faults?.set(fault);
  await sleep(ms);
  rig.faults?.clear();
}

const places = { collector: '*/data/spool/*', engine: '*/engine/db/*', both: '*/data/spool/*|*/engine/db/*' } as const;

function randomFault(where: Fault['in'], random: Random): Fault {
  const calls: readonly FaultCall[] = ['write', 'sync', 'rename', 'open', 'makeDirectory', 'remove', 'truncate'];
  const one = <T>(among: readonly T[]): T => among[randomInteger(random, { min: 0, max: among.length - 1 })]!;
  const isOnce = random() < 0.4;
  return {
    in: where,
    calls: random() < 0.4 ? [...calls] : [one(['write', 'write', 'sync', ...calls])],
    paths: places[where],
    error: one(['EIO', 'ENOSPC', 'EMFILE'] as const),
    action: random() < 0.2 ? 'half' : 'fail',
    skipped: randomInteger(random, { min: 0, max: 40 }),
    probability: isOnce ? 1 : 0.01 + 0.5 * random(),
    ...(isOnce ? { hitsMax: randomInteger(random, { min: 1, max: 4 }) } : {}),
    seed: randomInteger(random, { min: 1, max: 1_000_000 }),
  };
}

function kills(name: string, words: string, kill: (rig: ProvingRig) => Promise<void>): RoundKind {
  return {
    name,
    words,
    needsDisk: false,
    needsFaults: false,
    async strike(rig, random) {
      for (let times = randomInteger(random, { min: 1, max: 3 }); times > 0; times--) {
        await pause(random, 100, 1_500);
        await kill(rig);
      }
    },
  };
}

function pause(random: Random, min: number, max: number): Promise<void> {
  return sleep(randomInteger(random, { min, max }));
}

function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
