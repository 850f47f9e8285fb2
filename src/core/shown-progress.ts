import type { Clock, Timer } from './clock.js';
import { type Progress, type ProgressState, type ProgressTask, remainingMs } from './progress.js';

/** Whatever is over sooner is shown by nobody. */
const shownAfterMs = 2_000;

/** Where progress is shown. `ended`: the last look at a piece of work that was shown before. */
export interface ProgressDisplay {
  show(state: ProgressState, ended: boolean): void;
}

/**
 * Progress that is shown at most every `intervalMs`, of work that takes a while: by a timer, because what takes long
 * may tell nothing meanwhile.
 */
export class ShownProgress implements Progress {
  readonly #clock: Clock;
  readonly #display: ProgressDisplay;
  readonly #intervalMs: number;

  constructor(deps: { readonly clock: Clock; readonly display: ProgressDisplay }, intervalMs: number) {
    this.#clock = deps.clock;
    this.#display = deps.display;
    this.#intervalMs = intervalMs;
  }

  begin(work: Parameters<Progress['begin']>[0]): ProgressTask {
    return new ShownTask(this.#clock, this.#display, { ...work, intervalMs: this.#intervalMs });
  }
}

interface ShownWork {
  readonly what: string;
  readonly unit: string;
  readonly total: number | null;
  readonly intervalMs: number;
}

class ShownTask implements ProgressTask {
  readonly #clock: Clock;
  readonly #display: ProgressDisplay;
  readonly #work: ShownWork;
  readonly #startedMs: number;
  #done = 0;
  #total: number | null;
  #part: string | null = null;
  #isShown = false;
  #timer: Timer | null;

  constructor(clock: Clock, display: ProgressDisplay, work: ShownWork) {
    this.#clock = clock;
    this.#display = display;
    this.#work = work;
    this.#total = work.total;
    this.#startedMs = clock.monotonicMs();
    this.#timer = clock.setTimer(shownAfterMs, () => this.#look());
  }

  advance(done: number, total?: number): void {
    this.#done = done;
    if (total !== undefined) this.#total = total;
  }

  note(part: string): void {
    this.#part = part;
  }

  end(): void {
    if (this.#timer === null) return;
    this.#timer.cancel();
    this.#timer = null;
    if (this.#isShown) this.#display.show(this.#state(), true);
  }

  #look(): void {
    this.#isShown = true;
    this.#timer = this.#clock.setTimer(this.#work.intervalMs, () => this.#look());
    this.#display.show(this.#state(), false);
  }

  #state(): ProgressState {
    const { what, unit } = this.#work;
    const counts = {
      done: this.#done,
      total: this.#total,
      elapsedMs: this.#clock.monotonicMs() - this.#startedMs,
    };
    return { what, unit, part: this.#part, ...counts, remainingMs: remainingMs(counts) };
  }
}
