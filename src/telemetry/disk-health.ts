import type { Clock } from '../core/clock.js';
import type { DependencyHealth, HealthProbe } from '../core/ports/health-probe.js';

/** Of the file system of the data directory, as `df` counts it. */
export interface DiskUse {
  readonly usedBytes: number;
  /** What a process without privileges may still take. */
  readonly availableBytes: number;
}

export interface DiskHealthDeps {
  readonly clock: Clock;
  readonly diskUse: () => Promise<DiskUse>;
}

export interface DiskHealthOptions {
  /** Used share of the disk, 0 to 1, from which on it is degraded, and from which on unhealthy. */
  readonly diskDegradedRatio: number;
  readonly diskUnhealthyRatio: number;
}

/** A reading is used for this long. */
const readingMsMax = 5_000;

/**
 * How full the disk is that holds the spool and the embedded engine. It says so before the spool refuses events
 * (`spool.diskUsedRatioMax`) and before the engine cannot merge. One reading at a time: a file system that hangs is
 * not asked again until it answers.
 */
export class DiskHealth implements HealthProbe {
  readonly name = 'disk';
  readonly ifUnhealthy = 'degraded';
  readonly #deps: DiskHealthDeps;
  readonly #options: DiskHealthOptions;
  #reading: { readonly startedMs: number; readonly use: Promise<DiskUse> } | null = null;
  #pending = false;

  constructor(deps: DiskHealthDeps, options: DiskHealthOptions) {
    this.#deps = deps;
    this.#options = options;
  }

  async health(): Promise<DependencyHealth> {
    const { diskDegradedRatio: degradedRatio, diskUnhealthyRatio: unhealthyRatio } = this.#options;
    const { usedBytes, availableBytes } = await this.#use();
    const usedRatio = usedBytes / Math.max(1, usedBytes + availableBytes);
    const limit = usedRatio >= unhealthyRatio ? unhealthyRatio : usedRatio >= degradedRatio ? degradedRatio : null;
    return {
      name: this.name,
      status: limit === null ? 'healthy' : limit === unhealthyRatio ? 'unhealthy' : 'degraded',
      reason: limit === null ? null : fullReason({ usedRatio, limit, availableBytes }),
      details: {
        used_bytes: usedBytes,
        free_bytes: availableBytes,
        used_ratio: Math.round(usedRatio * 10_000) / 10_000,
        degraded_ratio: degradedRatio,
        unhealthy_ratio: unhealthyRatio,
      },
    };
  }

  #use(): Promise<DiskUse> {
    const { clock, diskUse } = this.#deps;
    const nowMs = clock.monotonicMs();
    if (this.#reading !== null && (this.#pending || nowMs - this.#reading.startedMs < readingMsMax)) {
      return this.#reading.use;
    }
    this.#pending = true;
    const use = diskUse().finally(() => {
      this.#pending = false;
    });
    this.#reading = { startedMs: nowMs, use };
    return use;
  }
}

function fullReason(disk: { readonly usedRatio: number; readonly limit: number; readonly availableBytes: number }) {
  const free = `${(disk.availableBytes / 1_073_741_824).toFixed(1)} GiB`;
  const used = `${percent(disk.usedRatio)}, which is ${percent(disk.limit)} or more`;
  return `the disk of the data directory is used to ${used}; ${free} are free`;
}

function percent(ratio: number): string {
  return `${Math.floor(ratio * 1_000) / 10} %`;
}
