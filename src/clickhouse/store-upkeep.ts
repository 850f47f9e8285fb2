import { hostname } from 'node:os';
import { AgingClock } from '../core/aging-clock.js';
import type { Clock, Random } from '../core/clock.js';
import type { ErasureInstruments, MaintenanceInstruments, PartsInstruments } from '../core/instruments.js';
import type { Logger } from '../core/logger.js';
import type { DeliveryHold } from '../core/ports/delivery-hold.js';
import type { StoreReader } from '../core/ports/store-reader.js';
import { type Progress, silentProgress } from '../core/progress.js';
import type { RetentionDays } from '../core/retention.js';
import type { Stage } from '../core/stage.js';
import { dayMs } from '../core/time-span.js';
import type { ClickhouseClient } from './client.js';
import { clusterReplication } from './cluster/cluster-replication.js';
import type { SchemaTarget } from './cluster/schema-target.js';
import { prepareErasures } from './erasure/erasable-tables.js';
import { type Replication, unreplicated } from './erasure/replication.js';
import { StoreEraser } from './erasure/store-eraser.js';
import { type LostRowsDeps, writeLostRows } from './integrity/lost-rows.js';
import { PartLedger } from './integrity/part-ledger.js';
import { PartsWatch } from './integrity/parts-watch.js';
import { type DefinedEngine, mustBeWritten, whileDefinitionsChange } from './integrity/written-definitions.js';
import { RollupDayFinalizer } from './maintenance/day-finalizer.js';
import { FailureSettlement } from './maintenance/failure-settlement.js';
import { dropHeldTables } from './maintenance/held-insert.js';
import { createInsertToken } from './maintenance/insert-token.js';
import { Maintenance } from './maintenance/maintenance.js';
import { readingAsWriter } from './maintenance/rollup-repair.js';
import { alwaysHeld, StoreLease } from './maintenance/store-lease.js';
import { type MigrateDeps, migrate } from './migrate.js';
import { setExpiryOwner } from './retention/expiry-owner.js';
import { readNewestReceived } from './retention/newest-received.js';
import { applyRetention, expiringTables } from './retention/table-retention.js';
import type { StoreWriter } from './store-writer.js';

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
  readonly progress?: Progress;
  readonly instruments: {
    readonly maintenance: MaintenanceInstruments;
    readonly erasure: ErasureInstruments;
    readonly parts: PartsInstruments;
  };
}

export interface StoreUpkeepOptions {
  readonly database: string;
  /** What was received before this waited when the process began: the old backlog. Ms since the epoch. */
  readonly startedMs: () => number;
  /** Of a ClickHouse server; null: the embedded engine, of this collector alone. */
  readonly url: string | null;
  readonly cluster: string | null;
  /** What the schema is rendered for. */
  readonly target: () => Promise<SchemaTarget>;
  /** Grants are looked at before the schema is made, everything once it is there. */
  readonly settings: { look(): Promise<void>; lookAtGrants(): Promise<void> } | null;
  /** Whether `begin` is going to be called: what expires in the embedded engine is then dropped by the maintenance. */
  readonly schedule: 'on' | 'off';
  readonly skewFutureMs: number;
  readonly retention: RetentionDays;
  readonly erasure: { readonly lateDays: number; readonly purgeHours: number };
  /** Of the embedded engine. Null for a server. */
  readonly engine: OwnEngine | null;
}

/** The embedded engine, as far as its files are looked after. */
export interface OwnEngine extends DefinedEngine {
  /** Where it runs. */
  readonly directory: string;
  /** Where what was seen of its parts is kept. */
  readonly ledgerPath: string;
}

/** What is done to the store beside inserts and reads: its schema, its finished days, what expires, what is erased. */
export interface StoreUpkeep {
  readonly finalizer: RollupDayFinalizer;
  readonly maintenance: Maintenance;
  readonly eraser: StoreEraser;
  /** Null for a server: its parts are its operator's. */
  readonly parts: PartsWatch | null;
  /** Of a store that several collectors may share: which of them does the upkeep. */
  readonly lease: StoreLease | null;
  /** Brings the schema up to date. */
  prepare(): Promise<void>;
  /** What goes on in the background, once the schema is there. */
  readonly stages: readonly Stage[];
}

export function createStoreUpkeep(deps: StoreUpkeepDeps, options: StoreUpkeepOptions): StoreUpkeep {
  const { store, clock, random, logger, progress = silentProgress, undeliveredSinceMs, receipt } = deps;
  const { startedMs, retention } = options;
  const nextToken = createInsertToken(clock, random);
  const aging = new AgingClock(deps);
  const receivedNowMs = () => receipt.nowMs();
  const isScheduled = options.schedule === 'on';
  const isShared = options.engine === null;
  const storeLease = isShared && isScheduled ? createLease(deps) : null;
  const lease = storeLease ?? alwaysHeld;
  const kept = { ...deps, aging, receivedNowMs, nextToken, lease, isShared, instruments: deps.instruments.maintenance };
  const finalizer = new RollupDayFinalizer(kept, options);
  const hasBacklog = () => (undeliveredSinceMs() ?? Number.POSITIVE_INFINITY) < startedMs();
  const dropsParts = options.cluster === null;
  const maintenance = new Maintenance({ ...kept, finalizer, hasBacklog }, { retention, dropsParts });
  const settlement = new FailureSettlement(kept);
  const eraser = new StoreEraser(
    { ...deps, lease, replication: replicationOf(store, options), instruments: deps.instruments.erasure },
    { ...options.erasure, isShared },
  );
  const parts = createPartsWatch(deps, options, { ...kept, finalizer });
  // Nobody else completes what the collector of an engine has accepted.
  const isErasing = isScheduled || options.engine !== null;
  const erasing = isErasing ? eraser : { name: eraser.name, stop: () => eraser.stop() };
  const finalizing = { name: 'finalizer', stop: () => finalizer.stop() };
  const scheduled = isScheduled ? [maintenance, settlement] : [];
  async function prepare(looking: Pick<MigrateDeps, 'mustHaveWritten'>): Promise<void> {
    if (options.url !== null) await options.settings?.lookAtGrants();
    const target = await options.target();
    const shown = { shown: progress, clock };
    await migrate({ store, logger, progress: shown, ...looking }, { database: options.database, target });
    await applyRetention({ store, logger }, retention);
    await prepareErasures(store);
    const newestReceivedMs = await readNewestReceived(readingAsWriter(store));
    if (newestReceivedMs > 0) aging.start(newestReceivedMs);
    if (options.url !== null) return await options.settings?.look();
    await dropHeldTables(store);
    receipt.follow(newestReceivedMs);
    await setExpiryOwner(store, options.schedule === 'on' ? 'maintenance' : 'engine');
  }
  return {
    finalizer,
    maintenance,
    eraser,
    parts,
    lease: storeLease,
    stages: [
      ...(parts === null ? [] : [parts]),
      ...(storeLease === null ? [] : [storeLease]),
      finalizing,
      erasing,
      ...scheduled,
    ],
    async prepare() {
      if (options.engine === null) return await prepare({});
      const own = { store, logger, engine: options.engine };
      const mustHaveWritten = (names: string[]) => mustBeWritten(own, names);
      await whileDefinitionsChange(own, () => prepare({ mustHaveWritten }));
    },
  };
}

function replicationOf(store: StoreWriter, { cluster, database }: StoreUpkeepOptions): Replication {
  return cluster === null ? unreplicated : clusterReplication(store, { kind: 'cluster', cluster, database });
}

function createLease({ store, clock, random, logger }: StoreUpkeepDeps): StoreLease {
  const holder = `${hostname()}:${process.pid}-${Math.floor(random() * 2 ** 32).toString(36)}`;
  return new StoreLease({ store, clock, logger }, { lease: 'upkeep', holder });
}

function createPartsWatch(
  deps: StoreUpkeepDeps,
  { engine, retention }: StoreUpkeepOptions,
  kept: Omit<LostRowsDeps, 'reader'>,
): PartsWatch | null {
  if (engine === null) return null;
  const { store, clock } = deps;
  const reader: StoreReader = { rows: (query) => store.writerRows(query) };
  // A day more, for what the engine drops as a whole.
  const expiresMs = (table: string) => {
    const found = expiringTables.find((expiring) => expiring.table === table);
    return found === undefined ? Number.POSITIVE_INFINITY : (retention[found.kept] - 1) * dayMs;
  };
  return new PartsWatch(
    {
      ...deps,
      ledger: new PartLedger(engine.ledgerPath),
      restartEngine: () => engine.restart('part_broken', { holdsMerges: true }),
      mend: (table) => writeLostRows({ ...kept, reader }, table),
      mayGo: ({ table, newestMs }) => impermanent.has(table) || clock.nowMs() - newestMs > expiresMs(table),
      instruments: deps.instruments.parts,
    },
    engine.directory,
  );
}

/** Their rows are deleted as a matter of course, by partitions or by age. */
const impermanent: ReadonlySet<string> = new Set([
  'erasure_targets_v1',
  'erased_ids_v1',
  'day_finalizations_v1',
  'failure_settlements_v1',
  'leases_v1',
]);
