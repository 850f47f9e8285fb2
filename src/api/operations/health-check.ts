import type { Clock } from '../../core/clock.js';
import { errorMessage } from '../../core/errors.js';
import type { DependencyHealth, HealthProbe, HealthStatus } from '../../core/ports/health-probe.js';
import { within } from '../../core/within.js';
import type { ApiOptions } from '../request/api-context.js';

export interface HealthReport {
  /** The worst of the dependencies; those without which ingest goes on make it `degraded` at most. */
  readonly overall: HealthStatus;
  readonly checkedAtMs: number;
  readonly dependencies: readonly DependencyHealth[];
}

const severity: Readonly<Record<HealthStatus, number>> = { healthy: 0, degraded: 1, unhealthy: 2 };

/**
 * Asks every probe, each with a time limit, and remembers the result for a moment: however many clients ask at once,
 * there is one round of probes under way.
 */
export class HealthCheck {
  readonly #probes: readonly HealthProbe[];
  readonly #clock: Clock;
  readonly #options: ApiOptions;
  #latest: { readonly startedMs: number; readonly report: Promise<HealthReport> } | null = null;

  constructor(probes: readonly HealthProbe[], clock: Clock, options: ApiOptions) {
    this.#probes = probes;
    this.#clock = clock;
    this.#options = options;
  }

  report(): Promise<HealthReport> {
    const nowMs = this.#clock.monotonicMs();
    if (this.#latest !== null && nowMs - this.#latest.startedMs < this.#options.healthCacheMs) {
      return this.#latest.report;
    }
    this.#latest = { startedMs: nowMs, report: this.#ask() };
    return this.#latest.report;
  }

  async #ask(): Promise<HealthReport> {
    const dependencies = await Promise.all(this.#probes.map((probe) => this.#askOne(probe)));
    const overall = dependencies.map((each, index) => effectOf(each, this.#probes[index])).reduce(worse, 'healthy');
    return { overall, checkedAtMs: this.#clock.nowMs(), dependencies };
  }

  async #askOne(probe: HealthProbe): Promise<DependencyHealth> {
    const { probeMsMax } = this.#options;
    const late = `the probe did not answer within ${probeMsMax} ms`;
    try {
      return (await within(this.#clock, answerOf(probe), probeMsMax)) ?? unanswered(probe, late);
    } catch (error) {
      return unanswered(probe, `the probe failed: ${errorMessage(error)}`);
    }
  }
}

async function answerOf(probe: HealthProbe): Promise<DependencyHealth> {
  return await probe.health();
}

function effectOf({ status }: DependencyHealth, probe: HealthProbe | undefined): HealthStatus {
  return status === 'unhealthy' && probe?.ifUnhealthy === 'degraded' ? 'degraded' : status;
}

function unanswered(probe: HealthProbe, reason: string): DependencyHealth {
  return { name: probe.name, status: 'unhealthy', reason, details: {} };
}

function worse(left: HealthStatus, right: HealthStatus): HealthStatus {
  return severity[right] > severity[left] ? right : left;
}
