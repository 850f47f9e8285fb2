import type { Random } from '../../src/core/clock.js';
import type { Logger } from '../../src/core/logger.js';
import { silentLogger } from '../../src/core/logger.js';
import type { Delivery } from '../../src/deliver/delivery.js';
import { createDelivery } from '../../src/deliver/delivery.js';
import type { Spool } from '../../src/spool/spool.js';
import { createSpool } from '../../src/spool/spool.js';
import { defaultSpoolLimits } from '../support/default-config.js';
import { FakeClock } from '../support/fake-clock.js';
import { randomInteger, seededRandom } from '../support/seeded-random.js';
import { Clients, KnownEventIds } from './clients.js';
import { ExactWriterModel } from './exact-writer-model.js';
import type { Mutant } from './mutants.js';
import { mutatedFileSystem } from './mutated-file-system.js';
import { deliverInstruments, spoolInstruments } from './silent-instruments.js';
import { DiskSession, failingOperations, SimulatedDisk } from './simulated-disk.js';
import { eventsOf, StoreModel, storeFaults, tableNames } from './store-model.js';

/** One life of the collector's process. */
interface Life {
  readonly session: DiskSession;
  readonly clock: FakeClock;
  readonly spool: Spool;
  readonly delivery: Delivery;
  readonly known: KnownEventIds;
}

export interface HistoryResult {
  /** Null: everything acknowledged is in every table once. */
  readonly violation: string | null;
  readonly acknowledged: number;
  readonly lives: number;
}

type Ending = 'collector' | 'both' | 'power';

const directory = '/spool';
/** Near the end of a month, so that some histories cross into the next. */
const beginMs = Date.UTC(2026, 0, 31, 23, 59, 58);
const drainRoundsMax = 400;

/**
 * One history by its seed: clients send, the disk and the store fail, processes are killed, machines lose power, clocks
 * step, and then everything heals and the queue runs empty. The spool and the delivery are the real ones.
 */
export async function runHistory(
  seed: number,
  { mutant = null, logger = silentLogger }: { readonly mutant?: Mutant | null; readonly logger?: Logger } = {},
): Promise<HistoryResult> {
  return await new History(seed, mutant, logger).run();
}

class History {
  readonly #random: Random;
  readonly #mutant: Mutant | null;
  readonly #logger: Logger;
  readonly #disk: SimulatedDisk;
  readonly #store: StoreModel;
  readonly #clients: Clients;
  /** How this history's collector is set up. */
  readonly #options: {
    readonly groupAgeMsMax: number;
    readonly segmentRowsMax: number;
    readonly pendingBytesMax: number;
  };
  #life!: Life;
  #nowMs = beginMs;
  #lives = 0;
  #violation: string | null = null;

  constructor(seed: number, mutant: Mutant | null, logger: Logger) {
    this.#logger = logger;
    this.#random = seededRandom(seed);
    this.#mutant = mutant;
    this.#disk = new SimulatedDisk(this.#random);
    this.#store = new StoreModel(this.#random, { mergesUnsynced: mutant === 'merge_unsynced' });
    this.#clients = new Clients(this.#random);
    this.#options = {
      groupAgeMsMax: this.#random() < 0.7 ? 0 : 2,
      segmentRowsMax: this.#integer(2, 8),
      pendingBytesMax: this.#random() < 0.8 ? 1_000 : 24,
    };
  }

  async run(): Promise<HistoryResult> {
    try {
      await this.#begin();
      for (let left = this.#integer(6, 24); left > 0; left--) {
        if (this.#life.session.ended) await this.#restart('power');
        else await this.#step();
      }
      await this.#drain();
      this.#violation ??= this.#missingOrTwice();
    } catch (error) {
      this.#violation ??= `threw ${error instanceof Error ? error.stack : String(error)}`;
    }
    return { violation: this.#violation, acknowledged: this.#clients.acknowledged.size, lives: this.#lives };
  }

  async #step(): Promise<void> {
    const { session, clock, spool, known } = this.#life;
    const choice = this.#random();
    if (choice < 0.46) this.#clients.send(spool, known, clock.nowMs());
    else if (choice < 0.54) await this.#pause();
    else if (choice < 0.64) {
      clock.advance(this.#integer(1, 1_500));
      await settle();
    } else if (choice < 0.73) this.#failDisk(session);
    else if (choice < 0.81) this.#store.fault = storeFaults[this.#integer(0, storeFaults.length - 1)]!;
    else if (choice < 0.84) this.#store.merge();
    else if (choice < 0.86) this.#store.landLate();
    else if (choice < 0.88) clock.stepWall(this.#integer(-10_000, 10_000));
    else if (choice < 0.91) session.operationsLeft = this.#integer(0, 40);
    else if (choice < 0.96) await this.#restart('collector');
    else if (choice < 0.97) await this.#restart('both');
    else if (choice < 0.99) await this.#restart('power');
    else await this.#stopAndStart();
    if (this.#random() < 0.3) await settle();
  }

  /** One operation fails for a while; often the process or the machine does not outlive it for long. */
  #failDisk(session: DiskSession): void {
    for (let kinds = this.#integer(1, 2); kinds > 0; kinds--) {
      const operation = failingOperations[this.#integer(0, failingOperations.length - 1)]!;
      this.#logger.info({ operation }, 'the disk is to fail');
      session.faults.set(operation, { code: this.#random() < 0.5 ? 'EIO' : 'ENOSPC', left: this.#integer(1, 6) });
    }
    if (this.#random() < 0.2) session.operationsLeft = this.#integer(4, 30);
  }

  async #pause(): Promise<void> {
    for (let ticks = this.#integer(0, 80); ticks > 0; ticks--) await undefined;
  }

  async #stopAndStart(): Promise<void> {
    const { session, spool, delivery } = this.#life;
    await Promise.race([delivery.stop(1_000).then(() => spool.stop(1_000)), session.end, settle(3)]);
    await this.#restart('collector');
  }

  async #restart(ending: Ending): Promise<void> {
    this.#end(ending);
    await this.#begin();
  }

  #end(ending: Ending): void {
    this.#logger.info({ ending }, 'the process ends');
    const { session, clock } = this.#life;
    session.finish();
    this.#nowMs = clock.nowMs() + this.#integer(-2_000, 60_000);
    if (ending === 'both') this.#store.kill();
    if (ending !== 'power') return;
    this.#store.cutPower();
    this.#disk.cutPower();
  }

  /** Starts a collector, again and again until one lives: its start may fail with the disk, or the power go before. */
  async #begin(): Promise<void> {
    for (;;) {
      this.#lives++;
      const life = this.#createLife();
      this.#life = life;
      const started = life.spool.start().then(
        () => 'started' as const,
        () => 'refused' as const,
      );
      const outcome = await Promise.race([started, life.session.end.then(() => 'ended' as const)]);
      if (outcome === 'started') break;
      this.#end(outcome === 'ended' ? 'power' : 'collector');
    }
    this.#clients.reconnect(this.#life.spool);
    await this.#life.delivery.start();
  }

  #createLife(): Life {
    const session = new DiskSession(this.#disk);
    const clock = new FakeClock(this.#nowMs);
    const known = new KnownEventIds();
    const fileSystem = mutatedFileSystem(session, this.#mutant);
    const spool = createSpool(
      { fileSystem, clock, logger: this.#logger, instruments: spoolInstruments, eventIds: known },
      {
        ...defaultSpoolLimits,
        directory,
        segmentAgeMsMin: 300,
        producersMax: 16,
        eventIdsMax: 10_000,
        ...this.#options,
      },
    );
    const writer = new ExactWriterModel(session, this.#store, {
      tokenPerAttempt: this.#mutant === 'token_per_attempt',
      unchecked: this.#mutant === 'release_before_check',
      noteless: this.#mutant === 'no_note',
    });
    const delivery = createDelivery(
      {
        reader: spool,
        writer,
        clock,
        random: this.#random,
        logger: this.#logger,
        instruments: deliverInstruments,
        fileBytes: (path) => session.fileBytes(path),
      },
      { backoff: { delayMsMin: 50, delayMsMax: 400 }, lagMsMax: 30_000 },
    );
    return { session, clock, spool, delivery, known };
  }

  /** Everything heals; one more start, some more frames, and the queue runs empty. */
  async #drain(): Promise<void> {
    const ending = (['collector', 'both', 'power'] as const)[this.#integer(0, 2)]!;
    await this.#restart(ending);
    this.#store.fault = null;
    const { session, clock, spool, known } = this.#life;
    session.faults.clear();
    session.operationsLeft = Number.POSITIVE_INFINITY;
    if (this.#random() < 0.5) this.#store.landLate();
    if (this.#random() < 0.7) this.#clients.send(spool, known, clock.nowMs());
    for (let round = 0; ; round++) {
      clock.advance(5_000);
      await settle();
      const { events, segments } = spool.stats();
      if (events === 0 && segments === 0) break;
      if (round === drainRoundsMax) {
        this.#violation = `${events} events in ${segments} segments do not leave the spool`;
        return;
      }
    }
    this.#store.landLate();
    await settle();
    const { quarantinedEvents } = spool.stats();
    if (quarantinedEvents > 0) this.#violation = `${quarantinedEvents} events are quarantined`;
    session.finish();
  }

  #missingOrTwice(): string | null {
    const counts = tableNames.map((table) => countsOf(this.#store.events(table)));
    for (const [index, table] of tableNames.entries()) {
      for (const event of counts[index]!.keys()) {
        if (!this.#clients.sent.has(event)) return `${table} has event ${event}, which nobody sent`;
      }
    }
    const raw = counts[0]!;
    for (const event of this.#clients.sent) {
      const times = raw.get(event) ?? 0;
      if (times > 1) return `event ${event} is there ${times} times`;
      if (times === 0 && this.#clients.acknowledged.has(event)) return `acknowledged event ${event} is missing`;
      for (const [index, table] of tableNames.entries()) {
        const meant = eventsOf(table, [event]).length * times;
        const found = counts[index]!.get(event) ?? 0;
        if (found !== meant) return `event ${event} is in ${table} ${found} times, in raw ${times} times`;
      }
    }
    return null;
  }

  #integer(min: number, max: number): number {
    return randomInteger(this.#random, { min, max });
  }
}

function countsOf(events: readonly string[]): ReadonlyMap<string, number> {
  const counts = new Map<string, number>();
  for (const event of events) counts.set(event, (counts.get(event) ?? 0) + 1);
  return counts;
}

/** Lets everything happen that waits for no time. */
async function settle(rounds = 1): Promise<void> {
  for (let round = 0; round < rounds; round++) await new Promise((resolve) => setImmediate(resolve));
}
