import { readFileSync } from 'node:fs';
import { type EventLoopUtilization, type IntervalHistogram, monitorEventLoopDelay, performance } from 'node:perf_hooks';

export interface ProcessSample {
  readonly cpuSeconds: number;
  readonly residentBytes: number;
  readonly loopDelaySeconds: { readonly p50: number; readonly p99: number; readonly max: number };
  readonly loopUtilisation: number;
}

/**
 * Ten times a second: each tick wakes the process, and at fifty those were half of what the collector took when idle.
 * A delay that is shorter and lies between two ticks is not seen.
 */
const delayResolutionMs = 100;

/** Measures this process between one sample and the next. */
export class ProcessSampler {
  readonly #delay: IntervalHistogram = monitorEventLoopDelay({ resolution: delayResolutionMs });
  #utilisation: EventLoopUtilization = performance.eventLoopUtilization();

  constructor() {
    this.#delay.enable();
  }

  sample(): ProcessSample {
    const { user, system } = process.cpuUsage();
    const utilisation = performance.eventLoopUtilization();
    const since = performance.eventLoopUtilization(utilisation, this.#utilisation);
    this.#utilisation = utilisation;
    const loopDelaySeconds = {
      p50: this.#delaySeconds(this.#delay.percentile(50)),
      p99: this.#delaySeconds(this.#delay.percentile(99)),
      max: this.#delaySeconds(this.#delay.max),
    };
    this.#delay.reset();
    return {
      cpuSeconds: (user + system) / 1e6,
      residentBytes: process.memoryUsage.rss(),
      loopDelaySeconds,
      loopUtilisation: Number.isFinite(since.utilization) ? since.utilization : 0,
    };
  }

  close(): void {
    this.#delay.disable();
  }

  /** The histogram holds the time between two ticks of its timer, in ns; what exceeds the resolution is delay. */
  #delaySeconds(nanoseconds: number): number {
    return this.#delay.count === 0 ? 0 : Math.max(0, nanoseconds / 1e9 - delayResolutionMs / 1000);
  }
}

/** Resident memory of another process, `null` when it has ended or the system has no /proc. */
export function residentBytesOf(pid: number): number | null {
  try {
    const match = /^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'));
    return match === null ? null : Number(match[1]) * 1024;
  } catch {
    return null;
  }
}
