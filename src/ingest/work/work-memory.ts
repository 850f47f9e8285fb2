import type { RememberedWork, WorkKeys, WorkNames } from '../../core/work-rows.js';
import { OpenStarts, type OpenWork } from './open-starts.js';
import { RecentEnds } from './recent-ends.js';
import { type NamedRun, RunNames } from './run-names.js';

export interface WorkMemoryOptions {
  /** Open runs, tasks and steps whose start is remembered; of more the oldest are forgotten. */
  readonly openStartsMax: number;
  /** How long a start is remembered. */
  readonly openStartsAgeMsMax: number;
  /** Ends that are remembered, so that another end of the same is told from it. */
  readonly recentEndsMax: number;
  /** kind: start (an end will not know when it began), run (an event that leaves out its run will not be of it). */
  readonly onForgotten: (kind: 'start' | 'run', count: number) => void;
}

/** What an end met. One object, overwritten by the next end. */
export interface EndVerdict extends OpenWork {
  /** It had ended before, and did not start again. */
  conflicts: boolean;
  /** When it started, NaN when that is not known. */
  startedMs: number;
}

/** Names of what is open that are told apart; what has another name is open without one. */
const namesMax = 65_536;

/**
 * What is under way and what ended lately, as the events of all batches tell it in the order in which they are kept.
 * It lets an end know its start, and tells an end of something that has ended from the first one. All of it is bounded;
 * what it forgot costs a derived duration or lets a second end count, never an event.
 */
export class WorkMemory {
  readonly #options: WorkMemoryOptions;
  readonly #open = new OpenStarts();
  readonly #ended: RecentEnds;
  readonly #runs: RunNames;
  readonly #names: string[] = [];
  readonly #numbers = new Map<string, number>();
  readonly #verdict: EndVerdict = { conflicts: false, startedMs: Number.NaN, heardMs: 0, name: -1, stepKind: 0 };

  constructor(options: WorkMemoryOptions) {
    this.#options = options;
    this.#ended = new RecentEnds(options.recentEndsMax);
    this.#runs = new RunNames(options.openStartsMax, (count) => options.onForgotten('run', count));
  }

  get openCount(): number {
    return this.#open.size;
  }

  /** The number of a name, -1 where there is none or too many are known. */
  numberOf(name: string): number {
    const known = this.#numbers.get(name);
    if (known !== undefined || name === '') return known ?? -1;
    if (this.#names.length >= namesMax) return -1;
    this.#numbers.set(name, this.#names.length);
    return this.#names.push(name) - 1;
  }

  nameOf(number: number): string {
    return this.#names[number] ?? '';
  }

  /**
   * Hot path: once a few dozen starts or ends. Fetches what is known of keys that come next, every `step`th of `keys`,
   * into the processor's cache; see `EventIdMemory.prefetch`.
   */
  prefetch(keys: Float64Array, from: number, to: number, step: number): number {
    return this.#ended.fetch(keys, from, to, step) + this.#open.fetch(keys, from, to, step);
  }

  /** Hot path: once a start. One that is not later than the end of the same opens nothing: it came late. */
  start(key: number, work: OpenWork): void {
    const endedMs = this.#ended.endOf(key);
    if (!Number.isNaN(endedMs)) {
      if (work.startedMs <= endedMs) return;
      this.#ended.forget(key);
    }
    this.#open.add(key, work);
    if (this.#open.size > this.#options.openStartsMax) this.#forgetOldest();
    while (this.#open.oldestHeardMs < work.heardMs - this.#options.openStartsAgeMsMax) this.#forgetOldest();
  }

  #forgetOldest(): void {
    this.#open.dropOldest();
    this.#options.onForgotten('start', 1);
  }

  /** Hot path: once an end. */
  end(key: number, endedMs: number): EndVerdict {
    const verdict = this.#verdict;
    verdict.conflicts = !Number.isNaN(this.#ended.endOf(key));
    if (verdict.conflicts) return verdict;
    this.#ended.remember(key, endedMs);
    if (this.#open.size > 0 && this.#open.take(key, verdict)) return verdict;
    verdict.startedMs = Number.NaN;
    verdict.name = -1;
    verdict.stepKind = 0;
    return verdict;
  }

  /** Takes an end back whose event was not kept after all; `work` as its verdict told it. */
  reopen(key: number, work: OpenWork): void {
    this.#ended.forget(key);
    if (!Number.isNaN(work.startedMs)) this.#open.add(key, work);
  }

  /** What earlier processes knew; what this one has heard of since stands. */
  restore(remembered: readonly RememberedWork[], keysOf: (names: WorkNames) => WorkKeys, heardMs: number): number {
    let restored = 0;
    for (const work of remembered) {
      const { key, alias, runKey } = keysOf(work);
      if (!Number.isNaN(this.#ended.endOf(key)) || !Number.isNaN(this.#open.startOf(key))) continue;
      restored++;
      if (work.endedMs !== null) {
        this.#ended.remember(key, work.endedMs);
        continue;
      }
      this.start(key, { startedMs: work.startedMs, heardMs, name: -1, stepKind: 0 });
      if (alias !== 0 && runKey !== 0 && work.step === '' && this.#runs.find(alias) === null)
        this.#runs.tell(alias, key, runKey, () => work.run);
    }
    return restored;
  }

  tellRun(alias: number, key: number, runKey: number, runText: () => string): void {
    this.#runs.tell(alias, key, runKey, runText);
  }

  /** The run in which a task of an agent is open, or, of a further attempt, was last; null when none is known. */
  runOf(alias: number, attempt: number): NamedRun | null {
    const named = this.#runs.find(alias);
    if (named === null || attempt > 1) return named;
    return Number.isNaN(this.#ended.endOf(named.key)) ? named : null;
  }
}
