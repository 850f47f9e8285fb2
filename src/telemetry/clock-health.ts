import type { Clock, Timer } from '../core/clock.js';
import type { DependencyHealth, HealthProbe } from '../core/ports/health-probe.js';
import type { ReceiptState } from '../core/receipt-state.js';
import { releaseMs } from '../core/release-date.js';
import type { Stage } from '../core/stage.js';
import { clockText } from '../core/time-text.js';

export interface ClockHealthOptions {
  /** Wall and monotonic time that part by as much are a step. Slewing is none: it moves both. */
  readonly stepMsMin: number;
  /** How long a step leaves the clock degraded. */
  readonly settleMs: number;
  /** How often the two are compared when nobody asks. */
  readonly checkMs: number;
}

const defaultClockHealthOptions: ClockHealthOptions = { stepMsMin: 1_000, settleMs: 600_000, checkMs: 10_000 };

interface ClockStep {
  /** Positive: the wall clock jumped ahead. */
  readonly deltaMs: number;
  /** Wall time when it was noticed, at most `checkMs` after it happened. */
  readonly wallMs: number;
  readonly monotonicMs: number;
}

/**
 * Watches the wall clock against the monotonic one. A step (an operator, a time server, a machine that slept) is worth
 * knowing for a while: events received on either side of it do not compare, ages and windows are off by it, and what
 * was clamped to the accepted skew was clamped against the wrong time. A drift too slow for a step adds up to one.
 *
 * A clock that is not set is unhealthy, because nothing is acknowledged by it. One that is behind what was received
 * before is degraded for as long as that lasts: `received` stands still.
 */
export class ClockHealth implements HealthProbe, Stage {
  readonly name = 'clock';
  readonly ifUnhealthy = 'unhealthy';
  readonly #clock: Clock;
  readonly #options: ClockHealthOptions;
  readonly #receipt: () => ReceiptState;
  /** Wall minus monotonic time: at the start, and since the last step. */
  readonly #startOffsetMs: number;
  #offsetMs: number;
  #steps = 0;
  #lastStep: ClockStep | null = null;
  #timer: Timer | null = null;

  constructor(
    { clock, receipt }: { readonly clock: Clock; readonly receipt?: () => ReceiptState },
    options: ClockHealthOptions = defaultClockHealthOptions,
  ) {
    this.#clock = clock;
    this.#receipt = receipt ?? (() => ownState(clock));
    this.#options = options;
    this.#startOffsetMs = clock.nowMs() - clock.monotonicMs();
    this.#offsetMs = this.#startOffsetMs;
  }

  async start(): Promise<void> {
    this.#watch();
  }

  async stop(): Promise<void> {
    this.#timer?.cancel();
    this.#timer = null;
  }

  health(): DependencyHealth {
    const offsetMs = this.#compare();
    const step = this.#recentStep();
    const receipt = this.#receipt();
    const held = receipt.aheadMs >= this.#options.stepMsMin ? heldReason(receipt) : null;
    const degraded = held ?? (step === null ? null : stepReason(step));
    return {
      name: this.name,
      status: receipt.isSet ? (degraded === null ? 'healthy' : 'degraded') : 'unhealthy',
      reason: receipt.isSet ? degraded : unsetReason(this.#clock.nowMs(), receipt),
      details: {
        steps: this.#steps,
        last_step_ms: this.#lastStep === null ? null : Math.round(this.#lastStep.deltaMs),
        last_step_at: this.#lastStep === null ? null : clockText(this.#lastStep.wallMs),
        drift_since_start_ms: Math.round(offsetMs - this.#startOffsetMs),
        received_ahead_ms: Math.round(receipt.aheadMs),
      },
    };
  }

  #watch(): void {
    this.#timer = this.#clock.setTimer(this.#options.checkMs, () => {
      this.#compare();
      this.#watch();
    });
  }

  #compare(): number {
    const wallMs = this.#clock.nowMs();
    const monotonicMs = this.#clock.monotonicMs();
    const offsetMs = wallMs - monotonicMs;
    const deltaMs = offsetMs - this.#offsetMs;
    if (Math.abs(deltaMs) >= this.#options.stepMsMin) {
      this.#offsetMs = offsetMs;
      this.#steps++;
      this.#lastStep = { deltaMs, wallMs, monotonicMs };
    }
    return offsetMs;
  }

  #recentStep(): ClockStep | null {
    const step = this.#lastStep;
    return step !== null && this.#clock.monotonicMs() - step.monotonicMs < this.#options.settleMs ? step : null;
  }
}

function ownState(clock: Clock): ReceiptState {
  return { isSet: clock.nowMs() >= releaseMs, receivedMs: null, aheadMs: 0, earliestMs: releaseMs };
}

function unsetReason(wallMs: number, { earliestMs }: ReceiptState): string {
  const wrong = `the wall clock says ${clockText(wallMs)}, and it is ${clockText(earliestMs)} at least`;
  return `${wrong}: no event is acknowledged until it is set`;
}

function heldReason({ receivedMs, aheadMs }: ReceiptState): string {
  const seconds = (aheadMs / 1_000).toFixed(1);
  const behind = `the wall clock is ${seconds} s behind what was received before`;
  return `${behind}: events are received at ${clockText(receivedMs ?? 0)} until it has caught up`;
}

function stepReason({ deltaMs, wallMs }: ClockStep): string {
  const seconds = (Math.abs(deltaMs) / 1_000).toFixed(1);
  const direction = deltaMs > 0 ? 'ahead' : 'back';
  const jump = `the wall clock jumped ${seconds} s ${direction} at ${clockText(wallMs)}`;
  return `${jump}: times of events on either side do not compare`;
}
