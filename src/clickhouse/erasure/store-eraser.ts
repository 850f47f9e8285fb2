import { createHash } from 'node:crypto';
import type { Clock, Random } from '../../core/clock.js';
import { CollectorError, errorMessage } from '../../core/errors.js';
import type { ErasureInstruments } from '../../core/instruments.js';
import type { Logger } from '../../core/logger.js';
import { Pause } from '../../core/pause.js';
import type { DataEraser, ErasureReport, ErasureRequest } from '../../core/ports/data-eraser.js';
import type { DeliveryHold } from '../../core/ports/delivery-hold.js';
import type { StoreReader } from '../../core/ports/store-reader.js';
import type { Stage } from '../../core/stage.js';
import { dayMs, hourMs } from '../../core/time-span.js';
import { Turn } from '../../core/turn.js';
import { alwaysHeld, type Lease, whileHeld } from '../maintenance/store-lease.js';
import type { StoreWriter } from '../store-writer.js';
import type { ErasureScope } from './erasure-condition.js';
import {
  dropTargets,
  type ErasureEntry,
  readBegunErasures,
  readEntries,
  writeEntry,
  writeErasedIds,
  writeSubjects,
} from './erasure-ledger.js';
import { type ErasedRows, eraseFromStore } from './erasure-work.js';
import { type LateSubject, readLateSubjects } from './late-events.js';
import { removeMaskedRows } from './masked-rows.js';
import type { Replication } from './replication.js';

export interface StoreEraserDeps {
  readonly store: StoreWriter;
  readonly delivery: DeliveryHold;
  /** Time of receipt of the oldest event that waits for its insert; null when none does. */
  readonly undeliveredSinceMs: () => number | null;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  readonly instruments: ErasureInstruments;
  /** Another collector completes what is asked for while this is not held; default: there is none. */
  readonly lease?: Lease;
  /** Default: of one server. */
  readonly replication?: Replication;
}

export interface StoreEraserOptions {
  /** For so many days events of what was erased are looked for and erased as well. */
  readonly lateDays: number;
  /** Erased rows are on disk, unreadable, for so long at most before their removal begins. */
  readonly purgeHours: number;
  /** Whether other collectors write requests down that this one completes; default: no. */
  readonly isShared?: boolean;
}

/** How long a request waits for the events before it to reach the store; then it is answered as pending. */
const flushMsMax = 5_000;
const flushPollMs = 50;
/** Between two looks at what is left to do, and while something is. */
const passIntervalMs = 600_000;
const busyIntervalMs = 30_000;
const sharedIntervalMs = 15_000;
/** Bound of an erasure that takes whatever comes. */
const alwaysMs = Date.UTC(2200, 0, 1);

/**
 * Erases what the store holds of a run or a person. A request is written down before anything goes, so that it is
 * completed after a crash; its id is forgotten when it is. Afterwards events that come late are erased as well, by the
 * hash of their ids, and what is masked is removed from disk. One erasure at a time.
 */
export class StoreEraser implements Stage, DataEraser {
  readonly name = 'eraser';
  readonly #deps: StoreEraserDeps;
  readonly #pause: Pause;
  readonly #options: StoreEraserOptions;
  readonly #reader: StoreReader;
  readonly #turn = new Turn();
  #work: Promise<void> | null = null;
  /** Late events received before this have been looked for; null: none. */
  #lookedUntilMs: number | null = null;

  constructor(deps: StoreEraserDeps, options: StoreEraserOptions) {
    this.#deps = deps;
    this.#pause = new Pause(deps.clock);
    this.#options = options;
    this.#reader = { rows: (query) => deps.store.writerRows(query) };
  }

  /** Begins in the background; call it when the store is ready. */
  async start(): Promise<void> {
    this.#work ??= this.#run();
  }

  /** What is under way is finished; what is left is done after the next start. */
  async stop(): Promise<void> {
    this.#pause.end();
    await Promise.all([this.#turn.over(), this.#work]);
  }

  erase(request: ErasureRequest): Promise<ErasureReport> {
    return this.#turn.run(async () => {
      const { clock, random, store, logger } = this.#deps;
      const requestedMs = clock.nowMs();
      const erasureId = timedId(requestedMs, random);
      const { tenant, kind, ids, requestedBy } = request;
      const open = { completedMs: null, rows: {}, lateRows: 0, purgedMs: null };
      const entry: ErasureEntry = { erasureId, tenant, kind, requestedBy, requestedMs, ...open };
      // Before the entry, which is what counts: of a crash in between nothing is left but ids that are dropped.
      await writeSubjects(store, { erasureId, ids });
      await writeEntry(store, entry, requestedMs);
      if (this.#isOurs && (await this.#isFlushed(requestedMs))) {
        try {
          return { ...(await this.#complete(entry)), ids: ids.length };
        } catch (error) {
          logger.warn({ erasure: erasureId, cause: errorMessage(error) }, 'erasure waits');
        }
      }
      this.#pause.wake();
      return { ...entry, ids: ids.length };
    });
  }

  get #isOurs(): boolean {
    return this.#deps.lease?.isHeld ?? true;
  }

  /** Whether every event received until `timeMs` has reached the store, for which it waits a little. */
  async #isFlushed(timeMs: number): Promise<boolean> {
    const { clock, undeliveredSinceMs } = this.#deps;
    const endMs = clock.monotonicMs() + flushMsMax;
    while ((undeliveredSinceMs() ?? Number.POSITIVE_INFINITY) <= timeMs) {
      if (clock.monotonicMs() >= endMs || this.#pause.hasEnded) return false;
      await this.#pause.wait(flushPollMs);
    }
    return true;
  }

  async #complete(entry: ErasureEntry): Promise<ErasureEntry> {
    const { store, clock, logger, instruments } = this.#deps;
    const { erasureId, tenant, kind, requestedMs } = entry;
    const isPerson = kind === 'user';
    const rows = await this.#eraseScope({
      erasureId,
      tenant,
      kind,
      untilMs: isPerson ? requestedMs : null,
    });
    await writeErasedIds(store, { ...entry, untilMs: isPerson ? requestedMs : alwaysMs });
    const completed = { ...entry, completedMs: clock.nowMs(), rows };
    await writeEntry(store, completed, clock.nowMs());
    await dropTargets(store, erasureId);
    instruments.completed.inc({ kind });
    logger.info({ erasure: erasureId, tenant, kind, rows }, 'erased');
    return completed;
  }

  async #eraseScope(of: Omit<ErasureScope, 'attempt'>): Promise<ErasedRows> {
    const { store, lease = alwaysHeld, delivery, clock, random, replication } = this.#deps;
    const scope = { ...of, attempt: timedId(clock.nowMs(), random) };
    const rows = await delivery.whileHeld(() => eraseFromStore(whileHeld(lease, store), scope, replication));
    this.#deps.instruments.rows.inc(totalOf(rows));
    return rows;
  }

  // ── afterwards ────────────────────────────────────────────────────────────────────────────────────────────

  async #run(): Promise<void> {
    while (!this.#pause.hasEnded) {
      const isDone = !this.#isOurs || (await this.pass());
      const idleMs = this.#options.isShared === true ? sharedIntervalMs : passIntervalMs;
      await this.#pause.wait(isDone ? idleMs : busyIntervalMs);
    }
  }

  /** Completes, looks for late events, removes from disk; answers whether nothing is left to do now. */
  async pass(): Promise<boolean> {
    const { logger, instruments } = this.#deps;
    try {
      return await this.#turn.run(async () => {
        await this.#completePending();
        await this.#eraseLate();
        return await this.#purge();
      });
    } catch (error) {
      const code = error instanceof CollectorError ? error.code : 'internal';
      if (this.#pause.hasEnded) return false;
      instruments.failures.inc({ code });
      logger.warn({ code, cause: errorMessage(error) }, 'erasure pass failed');
      return false;
    }
  }

  async #completePending(): Promise<void> {
    const begun = new Set(await readBegunErasures(this.#reader));
    if (begun.size === 0) return;
    const pending = await readEntries(this.#reader, { condition: 'completed_at IS NULL' });
    for (const entry of pending) {
      if (!begun.has(entry.erasureId)) continue;
      if (await this.#isFlushed(entry.requestedMs)) await this.#complete(entry);
    }
    const open = new Set(pending.map(({ erasureId }) => erasureId));
    for (const erasureId of begun) if (!open.has(erasureId)) await this.#settleLeft(erasureId);
  }

  /** What was cut short of late events is completed. What is young may be a request that another writes down next. */
  async #settleLeft(erasureId: string): Promise<void> {
    const late = lateScopeOf(erasureId);
    if (late !== null) await this.#completeLate(late);
    else if (this.#deps.clock.nowMs() - timeOf(erasureId) >= hourMs) await dropTargets(this.#deps.store, erasureId);
  }

  async #eraseLate(): Promise<void> {
    const { clock, undeliveredSinceMs } = this.#deps;
    const nowMs = clock.nowMs();
    const erasedFromMs = nowMs - this.#options.lateDays * dayMs;
    const lookedFromMs = this.#lookedUntilMs ?? erasedFromMs;
    const guarded = await this.#reader.rows({
      name: 'erased_ids',
      sql: `SELECT 1 FROM erased_ids_v1 WHERE erased_at >= fromUnixTimestamp64Milli({from_ms:Int64}, 'UTC') LIMIT 1`,
      params: { from_ms: erasedFromMs },
    });
    const untilMs = Math.min(nowMs, undeliveredSinceMs() ?? nowMs);
    if (guarded.length > 0) {
      // Other collectors may be behind with their inserts.
      const receivedFromMs = Math.max(0, lookedFromMs - hourMs);
      const found = await readLateSubjects(this.#reader, { receivedFromMs, erasedFromMs });
      for (const late of erasedTogether(found)) await this.#eraseLateSubjects(late);
    }
    this.#lookedUntilMs = untilMs;
  }

  async #eraseLateSubjects({ ids, ...of }: LateSubjects): Promise<void> {
    const late = lateScope({ ...of, ids });
    await writeSubjects(this.#deps.store, { erasureId: late.erasureId, ids });
    await this.#completeLate(late);
  }

  async #completeLate({ request, ...late }: LateScope): Promise<void> {
    const { store, clock, logger } = this.#deps;
    const [entry] = await readEntries(this.#reader, {
      condition: 'erasure_id = {erasure:String}',
      params: { erasure: request },
    });
    if (entry === undefined) return await dropTargets(store, late.erasureId);
    const rows = await this.#eraseScope({ ...late, tenant: entry.tenant });
    const lateRows = entry.lateRows + totalOf(rows);
    await writeEntry(store, { ...entry, lateRows, purgedMs: null }, clock.nowMs());
    await dropTargets(store, late.erasureId);
    logger.info({ erasure: request, rows }, 'late events of what was erased are erased');
  }

  async #purge(): Promise<boolean> {
    const { store, clock } = this.#deps;
    const masked = await readEntries(this.#reader, { condition: 'completed_at IS NOT NULL AND purged_at IS NULL' });
    const dueMs = clock.nowMs() - this.#options.purgeHours * hourMs;
    if (!masked.some(({ completedMs }) => (completedMs ?? 0) <= dueMs)) return true;
    if (!(await removeMaskedRows(store))) return false;
    for (const entry of masked) await writeEntry(store, { ...entry, purgedMs: clock.nowMs() }, clock.nowMs());
    return true;
  }
}

/** Until 2059 a time in ms has eight digits to the base of 36. */
const timeDigits = 8;

function timedId(timeMs: number, random: Random): string {
  return `${timeMs.toString(36).padStart(timeDigits, '0')}${Math.floor(random() * 2 ** 40).toString(36)}`;
}

function timeOf(id: string): number {
  return Number.parseInt(id.slice(0, timeDigits), 36);
}

type LateSubjects = Omit<LateSubject, 'id'> & { readonly ids: readonly string[] };

interface LateScope extends Pick<ErasureScope, 'erasureId' | 'kind' | 'untilMs'> {
  /** Whose late events it is about. */
  readonly request: string;
}

/** Its id tells all of it, so that it can be completed when it was cut short. */
function lateScope({ erasure_id: request, kind, until_ms: untilMs, ids }: LateSubjects): LateScope {
  const digest = createHash('sha256').update(JSON.stringify(ids)).digest('hex').slice(0, 16);
  const erasureId = [request, kind, untilMs, digest].join('_');
  return { request, erasureId, kind, untilMs: boundOf(untilMs) };
}

/** Null of the id of a request. */
function lateScopeOf(erasureId: string): LateScope | null {
  const [, request = '', kind, until] = /^(\w+)_(run|user)_(\d+)_[0-9a-f]+$/.exec(erasureId) ?? [];
  if (kind !== 'run' && kind !== 'user') return null;
  return { request, erasureId, kind, untilMs: boundOf(Number(until)) };
}

function boundOf(untilMs: number): number | null {
  return untilMs >= alwaysMs ? null : untilMs;
}

/** Runs of one request at once; people one by one, since who is alone in a run is up to each. */
function erasedTogether(found: readonly LateSubject[]): LateSubjects[] {
  const together = new Map<string, LateSubject[]>();
  for (const late of found) {
    const { erasure_id: erasureId, tenant, kind, id, until_ms: untilMs } = late;
    const key = JSON.stringify([erasureId, tenant, kind, untilMs, kind === 'user' ? id : '']);
    const group = together.get(key);
    if (group === undefined) together.set(key, [late]);
    else group.push(late);
  }
  return [...together.values()].flatMap((group) => {
    const [first] = group;
    return first === undefined ? [] : [{ ...first, ids: group.map(({ id }) => id).sort() }];
  });
}

function totalOf(rows: ErasedRows): number {
  return Object.values(rows).reduce((sum, count) => sum + count, 0);
}
