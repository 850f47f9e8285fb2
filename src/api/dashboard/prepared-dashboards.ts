import { readGlanceAhead } from '../../clickhouse/queries/dashboard/tenant-glance.js';
import type { Clock, Timer } from '../../core/clock.js';
import { errorMessage } from '../../core/error-message.js';
import type { PreparedDashboardInstruments } from '../../core/instruments.js';
import type { Logger } from '../../core/logger.js';
import type { ReadMemory } from '../../core/ports/read-memory.js';
import type { StoreReader } from '../../core/ports/store-reader.js';
import type { Stage } from '../../core/stage.js';
import { floorTo, hourMs } from '../../core/time-span.js';
import { dashboardRanges } from './dashboard-ranges.js';
import { glanceRange } from './glance-range.js';

export interface PreparedDashboardsDeps {
  readonly store: StoreReader;
  readonly memory: { open(): ReadMemory | null };
  readonly schema: { readonly ready: boolean };
  readonly keys: { tenants(): Iterable<string> };
  readonly clock: Clock;
  readonly logger: Logger;
  readonly instruments: PreparedDashboardInstruments;
}

/** How often it is looked who is due. */
const lookEveryMs = 5_000;
/** So often what was inserted and merged since is read, while somebody looks, and when nobody has asked for a while. */
const freshForMs = 20_000;
const staleForMs = 300_000;
/** Nobody looks any more who has not asked for so long, or not yet; and who has not for a day is left to the hours. */
const lookedForMs = 600_000;
const askedForMs = 86_400_000;
/** What failed is not tried again for so long. */
const failedForMs = 60_000;
/** What is too much to be remembered is not tried again for so long. */
const unrememberedForMs = 21_600_000;

interface Prepared {
  /** Monotonic; `lookedForMs` before the start for who was not asked for yet. */
  askedMs: number;
  /** Null: never. */
  readMs: number | null;
  notBeforeMs: number;
  /** A dashboard of another hour, and another day, is another range, and all of it is read again. */
  hourMs: number;
  /** Why it could not be read, as the log was told last; null since it was read. */
  toldCause: string | null;
}

/**
 * Dashboards that are read before somebody asks for them, so that no request is the first: those of the tenants that
 * have keys, once the store is there and as each hour begins, and what was inserted since as long as somebody asks. At
 * most `tenantsMax`; the one that was not asked for the longest gives way to one that is asked for.
 */
export class PreparedDashboards implements Stage {
  readonly name = 'dashboards';
  readonly #deps: PreparedDashboardsDeps;
  readonly #tenantsMax: number;
  readonly #tenants = new Map<string, Prepared>();
  #isFirst = true;
  #timer: Timer | null = null;
  #running: Promise<void> | null = null;
  #stopping = new AbortController();

  constructor(deps: PreparedDashboardsDeps, { tenantsMax }: { readonly tenantsMax: number }) {
    this.#deps = deps;
    this.#tenantsMax = tenantsMax;
  }

  start(): Promise<void> {
    if (this.#tenantsMax > 0) this.#schedule();
    return Promise.resolve();
  }

  async stop(): Promise<void> {
    this.#stopping.abort();
    this.#timer?.cancel();
    this.#timer = null;
    await this.#running;
  }

  /** Somebody looks at the dashboard of this tenant. */
  asked(tenant: string): void {
    const askedMs = this.#deps.clock.monotonicMs();
    const prepared = this.#tenants.get(tenant) ?? this.#admitted(tenant, askedMs);
    if (prepared === null) return;
    // The last asked is the last to give way.
    this.#tenants.delete(tenant);
    this.#tenants.set(tenant, prepared);
    prepared.askedMs = askedMs;
  }

  #admitted(tenant: string, askedMs: number): Prepared | null {
    if (this.#tenantsMax === 0) return null;
    if (this.#tenants.size >= this.#tenantsMax) {
      const [longest] = this.#tenants.keys();
      if (longest !== undefined) this.#tenants.delete(longest);
      this.#deps.instruments.reads.inc({ outcome: 'given_way' });
    }
    const prepared = { askedMs, readMs: null, notBeforeMs: 0, hourMs: 0, toldCause: null };
    this.#tenants.set(tenant, prepared);
    return prepared;
  }

  #schedule(): void {
    this.#timer = this.#deps.clock.setTimer(lookEveryMs, () => {
      this.#running = this.#readDue().finally(() => {
        this.#running = null;
        if (!this.#stopping.signal.aborted) this.#schedule();
      });
    });
  }

  async #readDue(): Promise<void> {
    if (!this.#deps.schema.ready) return;
    if (this.#isFirst) this.#admitKeys();
    for (const [tenant, prepared] of [...this.#tenants]) {
      if (this.#stopping.signal.aborted) return;
      if (this.#isDue(prepared)) await this.#read(tenant, prepared);
    }
  }

  #admitKeys(): void {
    this.#isFirst = false;
    const askedMs = this.#deps.clock.monotonicMs() - lookedForMs;
    for (const tenant of new Set(this.#deps.keys.tenants())) {
      if (this.#tenants.has(tenant)) continue;
      if (this.#tenants.size < this.#tenantsMax) this.#admitted(tenant, askedMs);
      else this.#deps.instruments.reads.inc({ outcome: 'given_way' });
    }
  }

  #isDue({ askedMs, readMs, notBeforeMs, hourMs: ofHourMs }: Prepared): boolean {
    const nowMs = this.#deps.clock.monotonicMs();
    if (nowMs < notBeforeMs) return false;
    if (readMs === null || ofHourMs !== floorTo(this.#deps.clock.nowMs(), hourMs)) return true;
    const unaskedMs = nowMs - askedMs;
    return unaskedMs < askedForMs && nowMs - readMs >= (unaskedMs < lookedForMs ? freshForMs : staleForMs);
  }

  async #read(tenant: string, prepared: Prepared): Promise<void> {
    const { store, memory, clock, instruments } = this.#deps;
    const { signal } = this.#stopping;
    const nowMs = clock.nowMs();
    const bound: StoreReader = { rows: (query) => store.rows({ ...query, signal }), memory: memory.open() };
    let outcome: 'read' | 'unremembered' | 'failed' = 'failed';
    try {
      const isRemembered = await readGlanceAhead(bound, glanceRange(tenant, dashboardRanges(nowMs)));
      outcome = isRemembered ? 'read' : 'unremembered';
    } catch (error) {
      // Whoever asks meets it as well, and is told.
      if (!signal.aborted) this.#tell(tenant, prepared, errorMessage(error));
    }
    const doneMs = clock.monotonicMs();
    if (outcome !== 'failed') prepared.toldCause = null;
    if (outcome === 'read') Object.assign(prepared, { readMs: doneMs, hourMs: floorTo(nowMs, hourMs) });
    else prepared.notBeforeMs = doneMs + (outcome === 'failed' ? failedForMs : unrememberedForMs);
    instruments.reads.inc({ outcome });
  }

  /** A cause is told once for each tenant, until its dashboard has been read. */
  #tell(tenant: string, prepared: Prepared, cause: string): void {
    if (prepared.toldCause === cause) return;
    prepared.toldCause = cause;
    this.#deps.logger.warn({ tenant, cause }, 'cannot read a dashboard ahead; it is tried again');
  }
}
