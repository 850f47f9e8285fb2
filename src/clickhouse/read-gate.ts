import { CollectorError } from '../core/errors.js';
import type { ReadLimits } from '../core/read-limits.js';

export type GateLimits = Pick<ReadLimits, 'concurrencyMax' | 'tenantConcurrencyMax' | 'tenantWaitingMax'> & {
  /** Reads of all tenants that wait for their turn. */
  readonly waitingMax: number;
};

/** What is thrown instead of a turn. */
export interface GateRefusals {
  full(tenant: { readonly running: number; readonly waiting: number }): Error;
  abandoned(signal: AbortSignal): unknown;
}

const readRefusals: GateRefusals = {
  full({ running, waiting }) {
    const own = `${running} reads of this tenant under way and ${waiting} waiting`;
    return new CollectorError('overloaded', `cannot read the store: ${own}`);
  },
  abandoned: (signal) => signal.reason,
};

/**
 * How many reads run at once, and how many may wait. The engine runs on the same cores as ingest: reads wait here,
 * where they are counted and cancellable, instead of there.
 *
 * Fair between tenants: a free place goes to the tenant with the fewest reads under way, among equals to the one whose
 * last turn is longest ago; the reads of one tenant go in order. However many reads another tenant has waiting, none of
 * them is before the first of this one; and one tenant alone cannot take every place.
 */
export class ReadGate {
  readonly #limits: GateLimits;
  readonly #refusals: GateRefusals;
  /** Tenants with reads under way or waiting; the one whose last turn is longest ago comes first. */
  readonly #tenants = new Map<string, TenantReads>();
  #running = 0;
  #waiting = 0;

  constructor(limits: GateLimits, refusals: GateRefusals = readRefusals) {
    this.#limits = limits;
    this.#refusals = refusals;
  }

  /**
   * Runs `read` of `tenant` in its turn. Rejects as `refusals` says when too many wait, by default with `overloaded`,
   * and on an abort before its turn, by default with the reason of that.
   */
  async run<T>(tenant: string, signal: AbortSignal, read: () => Promise<T>): Promise<T> {
    await this.#enter(tenant, signal);
    try {
      return await read();
    } finally {
      this.#leave(tenant);
    }
  }

  get running(): number {
    return this.#running;
  }

  get waiting(): number {
    return this.#waiting;
  }

  #enter(tenant: string, signal: AbortSignal): Promise<void> {
    if (signal.aborted) return Promise.reject(this.#refusals.abandoned(signal));
    const reads = this.#readsOf(tenant);
    const { concurrencyMax, tenantConcurrencyMax, waitingMax, tenantWaitingMax } = this.#limits;
    if (this.#running < concurrencyMax && reads.running < tenantConcurrencyMax) {
      this.#start(tenant, reads);
      return Promise.resolve();
    }
    if (reads.waiting.size >= tenantWaitingMax || this.#waiting >= waitingMax) {
      this.#forgetIdle(tenant, reads);
      return Promise.reject(this.#refusals.full({ running: reads.running, waiting: reads.waiting.size }));
    }
    return new Promise((resolve, reject) => {
      const turn = () => {
        signal.removeEventListener('abort', abandon);
        resolve();
      };
      const abandon = () => {
        reads.waiting.delete(turn);
        this.#waiting--;
        this.#forgetIdle(tenant, reads);
        reject(this.#refusals.abandoned(signal));
      };
      signal.addEventListener('abort', abandon, { once: true });
      reads.waiting.add(turn);
      this.#waiting++;
    });
  }

  #leave(tenant: string): void {
    const left = this.#readsOf(tenant);
    left.running--;
    this.#running--;
    this.#forgetIdle(tenant, left);
    const next = this.#nextTenant();
    if (next === undefined) return;
    const reads = this.#readsOf(next);
    const [turn] = reads.waiting;
    if (turn === undefined) return;
    reads.waiting.delete(turn);
    this.#waiting--;
    this.#start(next, reads);
    turn();
  }

  /** Whoever waits with the fewest reads under way; the map's order decides among equals. */
  #nextTenant(): string | undefined {
    let fewest = this.#limits.tenantConcurrencyMax;
    let next: string | undefined;
    for (const [tenant, { running, waiting }] of this.#tenants) {
      if (waiting.size === 0 || running >= fewest) continue;
      fewest = running;
      next = tenant;
    }
    return next;
  }

  #start(tenant: string, reads: TenantReads): void {
    reads.running++;
    this.#running++;
    this.#tenants.delete(tenant);
    this.#tenants.set(tenant, reads);
  }

  #readsOf(tenant: string): TenantReads {
    let reads = this.#tenants.get(tenant);
    if (reads === undefined) {
      reads = { running: 0, waiting: new Set() };
      this.#tenants.set(tenant, reads);
    }
    return reads;
  }

  #forgetIdle(tenant: string, reads: TenantReads): void {
    if (reads.running === 0 && reads.waiting.size === 0) this.#tenants.delete(tenant);
  }
}

interface TenantReads {
  running: number;
  /** In order of arrival. */
  readonly waiting: Set<() => void>;
}
