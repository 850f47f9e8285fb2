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
import { migrate } from './migrate.js';
import { applyRetention } from './retention/table-retention.js';

export interface StoreUpkeepDeps {
  readonly store: ClickhouseClient;
  readonly delivery: DeliveryHold;
  /** Time of receipt of the oldest event that waits for its insert; null when none does. */
  readonly undeliveredSinceMs: () => number | null;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  readonly instruments: { readonly maintenance: MaintenanceInstruments; readonly erasure: ErasureInstruments };
}

export interface StoreUpkeepOptions {
  readonly database: string;
  /** When this process began, ms since the epoch: what waited then is the old backlog. */
  readonly startedMs: number;
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
  const { store, clock, random, logger, undeliveredSinceMs } = deps;
  const { startedMs, retention } = options;
  const nextToken = createInsertToken(clock, random);
  const kept = { ...deps, nextToken, instruments: deps.instruments.maintenance };
  const finalizer = new RollupDayFinalizer(kept, options);
  const hasBacklog = () => (undeliveredSinceMs() ?? startedMs) < startedMs;
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
    },
    begin() {
      for (const work of background) work.begin();
    },
    async stop() {
      await Promise.all(background.map((work) => work.stop()));
    },
  };
}
