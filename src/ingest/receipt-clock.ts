import type { Clock, Timer } from '../core/clock.js';
import type { ReceiptInstruments } from '../core/instruments.js';
import type { Logger } from '../core/logger.js';
import type { ReceiptState } from '../core/receipt-state.js';
import { latestMs, releaseMs } from '../core/release-date.js';
import type { Stage } from '../core/stage.js';
import { clockText } from '../core/time-text.js';

/**
 * The time at which events are received. Retention is counted from it, segments and partitions are made by its month,
 * and it orders what came before what; so three rules hold, whatever the wall clock does.
 *
 * 1. A wall clock before the release of this version, or from 2090 on, is certainly wrong. Nothing is received by it:
 *    rows dated 1970 would expire as soon as the clock is set. Events wait, ingest says why, and goes on when the clock
 *    is set, which is looked for every second.
 * 2. `received` never goes back, within a process and over restarts (`follow`: what the disk and the embedded store
 *    know). While the wall clock is behind, it stands still at the newest time and moves on when the wall clock has
 *    caught up. It does not tick: a clock that was 40 days ahead would then be followed by one that is, for ever. So
 *    rows are kept for as long as promised or longer, never shorter, and a month that has begun does not end twice.
 * 3. What is said of an event's own time follows the wall clock and not `received`: the `ts` of an event that has none,
 *    and the bounds of the accepted skew. Agents, windows and queries go by the wall clock as it is now; an event that
 *    is sent with the right time after a clock was 40 days ahead keeps it, though it is received 40 days later.
 *
 * A first time after a start is later than the newest of before by a millisecond at least: what this process receives
 * is then told from what earlier ones did by `startedMs`. What cannot be told: a clock after the release and behind the
 * truth, when nothing newer is on the disk. Its rows expire as much too early as it was behind.
 */
export interface ReceiptTime {
  readonly receivedMs: number;
  /** The wall clock then. */
  readonly clockMs: number;
}

export interface ReceiptClockOptions {
  readonly earliestMs: number;
  readonly latestMs: number;
}

const defaultReceiptClockOptions: ReceiptClockOptions = { earliestMs: releaseMs, latestMs };

/** The pace of looking whether the clock is set. */
const lookMs = 1_000;
/** Behind by less is no step: two readings of a clock that is being slewed. */
const heldMsMin = 1_000;

export class ReceiptClock {
  readonly #clock: Clock;
  readonly #logger: Logger;
  readonly #instruments: ReceiptInstruments;
  readonly #options: ReceiptClockOptions;
  readonly #onSet: (() => void)[] = [];
  #newestMs = 0;
  #firstMs: number | null = null;
  #timer: Timer | null = null;
  #waiting = false;
  #held = false;
  #stopped = false;

  constructor(
    deps: { readonly clock: Clock; readonly logger: Logger; readonly instruments: ReceiptInstruments },
    options: ReceiptClockOptions = defaultReceiptClockOptions,
  ) {
    this.#clock = deps.clock;
    this.#logger = deps.logger;
    this.#instruments = deps.instruments;
    this.#options = options;
  }

  /** What earlier processes received was received before, what this one does is not. */
  get startedMs(): number {
    return this.#firstMs ?? this.nowMs();
  }

  /** To be started after what knows the newest time an earlier process received anything, 0 when there was none. */
  after(earlier: { readonly newestReceivedMs: number }): Required<Stage> {
    return {
      name: 'receipt-clock',
      start: async () => {
        if (earlier.newestReceivedMs > 0) this.follow(earlier.newestReceivedMs);
        this.mustWait();
      },
      stop: async () => {
        this.#stopped = true;
        this.#timer?.cancel();
      },
    };
  }

  /** Whatever is received from now on is received later than this. */
  follow(receivedMs: number): void {
    this.#newestMs = Math.max(this.#newestMs, Math.floor(receivedMs) + 1);
  }

  /** Called when the clock is set, after it was not. */
  onSet(callback: () => void): void {
    this.#onSet.push(callback);
  }

  /** Whether nothing can be received now; `onSet` tells when it can. */
  mustWait(): boolean {
    const clockMs = this.#clock.nowMs();
    if (this.#isPlausible(clockMs)) return false;
    this.#wait(clockMs);
    return true;
  }

  /** What is received next is not received before this. */
  nowMs(): number {
    return Math.max(this.#newestMs, this.#clock.nowMs());
  }

  /** Hot path: once a batch. Null while the clock is not set; `onSet` tells when it is. */
  tryRead(): ReceiptTime | null {
    const clockMs = this.#clock.nowMs();
    if (!this.#isPlausible(clockMs)) {
      this.#wait(clockMs);
      return null;
    }
    const isHeld = clockMs < this.#newestMs;
    if (isHeld) this.#instruments.batchesHeld.inc();
    else this.#newestMs = clockMs;
    if (isHeld !== this.#held) this.#tell(clockMs);
    this.#firstMs ??= this.#newestMs;
    return { receivedMs: this.#newestMs, clockMs };
  }

  state(): ReceiptState {
    const clockMs = this.#clock.nowMs();
    return {
      isSet: this.#isPlausible(clockMs),
      receivedMs: this.#newestMs === 0 ? null : this.nowMs(),
      aheadMs: Math.max(0, this.#newestMs - clockMs),
      earliestMs: this.#options.earliestMs,
    };
  }

  #isPlausible(clockMs: number): boolean {
    return clockMs >= this.#options.earliestMs && clockMs < this.#options.latestMs;
  }

  /** A step back is told once, and that it is over. */
  #tell(clockMs: number): void {
    const aheadMs = this.#newestMs - clockMs;
    if (aheadMs > 0 && aheadMs < heldMsMin) return;
    this.#held = aheadMs > 0;
    const context = { clock: clockText(clockMs), received: clockText(this.#newestMs) };
    if (this.#held) {
      this.#logger.warn(
        context,
        'the wall clock is behind what was received: received stands still until it catches up',
      );
    } else this.#logger.info(context, 'the wall clock has caught up with what was received');
  }

  #wait(clockMs: number): void {
    if (!this.#waiting) {
      const context = { clock: clockText(clockMs), earliest: clockText(this.#options.earliestMs) };
      this.#logger.warn(context, 'the wall clock is not set: no event is acknowledged until it is');
    }
    this.#waiting = true;
    this.#timer ??= this.#clock.setTimer(lookMs, () => this.#look());
  }

  #look(): void {
    this.#timer = null;
    if (this.#stopped) return;
    const clockMs = this.#clock.nowMs();
    if (!this.#isPlausible(clockMs)) {
      this.#timer = this.#clock.setTimer(lookMs, () => this.#look());
      return;
    }
    this.#waiting = false;
    this.#logger.info({ clock: clockText(clockMs) }, 'the wall clock is set: events are acknowledged');
    for (const callback of this.#onSet) callback();
  }
}
