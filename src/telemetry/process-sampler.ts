import { readFileSync } from 'node:fs';
import { createHistogram, type EventLoopUtilization, performance, type RecordableHistogram } from 'node:perf_hooks';
import type { Clock, Timer } from '../core/clock.js';
import { residentBytes } from '../core/resident-bytes.js';

export interface ProcessSample {
  readonly cpuSeconds: number;
  /** Null where the system does not tell. */
  readonly residentBytes: number | null;
  readonly loopDelaySeconds: { readonly p50: number; readonly p99: number; readonly max: number };
  readonly loopUtilisation: number;
}

/**
 * Ten times a second while the loop has work. Each tick wakes the process, and with nothing to do those ten were most
 * of its wakes: then it is one a second. A delay that is shorter and lies between two ticks is not seen.
 */
const busyTickMs = 100;
const idleTickMs = 1_000;
/** Of the time since the last tick. The collector's own timers take less than a hundredth. */
const busyShareMin = 0.02;

/** Measures this process between one sample and the next. */
export class ProcessSampler {
  readonly #clock: Clock;
  /** How late each tick was, in ns. */
  readonly #delay: RecordableHistogram = createHistogram();
  #utilisation: EventLoopUtilization = performance.eventLoopUtilization();
  #tickUtilisation: EventLoopUtilization = this.#utilisation;
  #timer: Timer;

  constructor(clock: Clock) {
    this.#clock = clock;
    this.#timer = this.#tickLater(busyTickMs);
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
      residentBytes: residentBytes(),
      loopDelaySeconds,
      loopUtilisation: Number.isFinite(since.utilization) ? since.utilization : 0,
    };
  }

  close(): void {
    this.#timer.cancel();
  }

  #tickLater(delayMs: number): Timer {
    const dueMs = this.#clock.monotonicMs() + delayMs;
    return this.#clock.setTimer(delayMs, () => {
      const lateMs = this.#clock.monotonicMs() - dueMs;
      this.#delay.record(Math.max(1, Math.round(lateMs * 1e6)));
      const utilisation = performance.eventLoopUtilization();
      const since = performance.eventLoopUtilization(utilisation, this.#tickUtilisation);
      this.#tickUtilisation = utilisation;
      this.#timer = this.#tickLater(since.utilization < busyShareMin ? idleTickMs : busyTickMs);
    });
  }

  #delaySeconds(nanoseconds: number): number {
    return this.#delay.count === 0 ? 0 : nanoseconds / 1e9;
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
