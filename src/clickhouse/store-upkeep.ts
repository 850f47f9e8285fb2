import { AgingClock } from '../core/aging-clock.js';
import type { Clock, Random } from '../core/clock.js';
import type { ErasureInstruments, MaintenanceInstruments } from '../core/instruments.js';
import type { Logger } from '../core/logger.js';
import type { DeliveryHold } from '../core/ports.js';
import type { RetentionDays } from '../core/retention.js';
import type { ClickhouseClient } from './client.js';
import { enablePatches } from './erasure/erasable-tables.js';
import { StoreEraser } from './erasure/store-eraser.js';
import { RollupDayFinalizer } from './maintenance/day-finalizer.js';
import { FailureSettlement } from './maintenance/failure-settlement.js';
import { createInsertToken } from './maintenance/insert-token.js';
import { Maintenance } from './maintenance/maintenance.js';
import { readingAsWriter } from './maintenance/rollup-repair.js';
import { migrate } from './migrate.js';
import { setExpiryOwner } from './retention/expiry-owner.js';
import { readNewestReceived } from './retention/newest-received.js';
import { applyRetention } from './retention/table-retention.js';

export interface StoreUpkeepDeps {
  readonly store: ClickhouseClient;
  readonly delivery: DeliveryHold;
  /** Time of receipt of the oldest event that waits for its insert; null when none does. */
  readonly undeliveredSinceMs: () => number | null;
  /** By which events are received. Told of the newest that is in a store of our own. */
  readonly receipt: { nowMs(): number; follow(receivedMs: number): void };
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  readonly instruments: { readonly maintenance: MaintenanceInstruments; readonly erasure: ErasureInstruments };
}

export interface StoreUpkeepOptions {
  readonly database: string;
  /** What was received before this waited when the process began: the old backlog. Ms since the epoch. */
  readonly startedMs: () => number;
  /** The embedded engine, of this collector alone: what expires in it is dropped by the maintenance. */
  readonly isOwnStore: boolean;
  /** Whether `begin` is going to be called. */
  readonly isMaintained: boolean;
  readonly skewFutureMs: number;
  readonly retention: RetentionDays;
  readonly erasure: { readonly lateDays: number; readonly purgeHours: number };
}

/** What is done to the store beside inserts and reads: its schema, its finished days, what expires, what is erased. */
export interface StoreUpkeep {
  readonly finalizer: RollupDayFinalizer;
  readonly maintenance: Maintenance;
  readonly eraser: StoreEraser;
  /** Brings the schema up to date. */
  prepare(): Promise<void>;
  /** Begins in the background what one of the collectors on a store does. */
  begin(): void;
  stop(): Promise<void>;
}

export function createStoreUpkeep(deps: StoreUpkeepDeps, options: StoreUpkeepOptions): StoreUpkeep {
  const { store, clock, random, logger, undeliveredSinceMs, receipt } = deps;
  const { startedMs, retention } = options;
  const nextToken = createInsertToken(clock, random);
  const aging = new AgingClock(deps);
  const receivedNowMs = () => receipt.nowMs();
  const kept = { ...deps, aging, receivedNowMs, nextToken, instruments: deps.instruments.maintenance };
  const finalizer = new RollupDayFinalizer(kept, options);
  const hasBacklog = () => (undeliveredSinceMs() ?? Number.POSITIVE_INFINITY) < startedMs();
  const maintenance = new Maintenance({ ...kept, finalizer, hasBacklog }, { retention });
  const settlement = new FailureSettlement(kept);
  const eraser = new StoreEraser({ ...deps, instruments: deps.instruments.erasure }, options.erasure);
  const background = [maintenance, settlement, eraser];
  return {
    finalizer,
    maintenance,
    eraser,
    async prepare() {
      await migrate({ store, logger }, { database: options.database });
      await applyRetention({ store, logger }, retention);
      await enablePatches(store);
      const newestReceivedMs = await readNewestReceived(readingAsWriter(store));
      if (newestReceivedMs > 0) aging.start(newestReceivedMs);
      if (!options.isOwnStore) return;
      receipt.follow(newestReceivedMs);
      await setExpiryOwner(store, options.isMaintained ? 'maintenance' : 'engine');
    },
    begin() {
      for (const work of background) work.begin();
    },
    async stop() {
      await Promise.all(background.map((work) => work.stop()));
    },
  };
}
