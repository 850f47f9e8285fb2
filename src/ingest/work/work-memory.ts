import { OpenStarts } from './open-starts.js';
import { RecentEnds } from './recent-ends.js';
import { type NamedRun, RunNames } from './run-names.js';

export interface WorkMemoryOptions {
  /** Open runs, tasks and steps whose start is remembered; of more the oldest are forgotten. */
  readonly openMax: number;
  /** How long a start is remembered. */
  readonly openAgeMsMax: number;
  /** Ends that are remembered, so that another end of the same is told from it. */
  readonly endsMax: number;
  /** kind: start (an end will not know when it began), run (an event that leaves out its run will not be of it). */
  readonly onForgotten: (kind: 'start' | 'run', count: number) => void;
}

/** What an end met. */
export interface EndVerdict {
  /** It had ended before, and did not start again. */
  readonly conflicts: boolean;
  /** When it started, NaN when that is not known. */
  readonly startedMs: number;
}

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

  constructor(options: WorkMemoryOptions) {
    this.#options = options;
    this.#ended = new RecentEnds(options.endsMax);
    this.#runs = new RunNames(options.openMax, (count) => options.onForgotten('run', count));
  }

  get openCount(): number {
    return this.#open.size;
  }

  /** A start that is not later than the end of the same opens nothing: it came late. */
  start(key: number, startedMs: number, heardMs: number): void {
    const endedMs = this.#ended.endOf(key);
    if (!Number.isNaN(endedMs)) {
      if (startedMs <= endedMs) return;
      this.#ended.forget(key);
    }
    this.#open.add(key, startedMs, heardMs);
    if (this.#open.size > this.#options.openMax) this.#forgetOldest();
    while (this.#open.oldestHeardMs < heardMs - this.#options.openAgeMsMax) this.#forgetOldest();
  }

  #forgetOldest(): void {
    this.#open.dropOldest();
    this.#options.onForgotten('start', 1);
  }

  end(key: number, endedMs: number): EndVerdict {
    if (!Number.isNaN(this.#ended.endOf(key))) return conflict;
    this.#ended.remember(key, endedMs);
    return { conflicts: false, startedMs: this.#open.take(key) };
  }

  /** Takes an end back whose event was not kept after all; `startedMs` as its verdict told it. */
  reopen(key: number, startedMs: number, heardMs: number): void {
    this.#ended.forget(key);
    if (!Number.isNaN(startedMs)) this.#open.add(key, startedMs, heardMs);
  }

  tellRun(alias: number, key: number, runKey: number, runText: () => string): void {
    this.#runs.tell(alias, key, runKey, runText);
  }

  /** The run in which a task of an agent is open; null when none is known. */
  runOf(alias: number): NamedRun | null {
    const named = this.#runs.find(alias);
    return named === null || !Number.isNaN(this.#ended.endOf(named.key)) ? null : named;
  }
}

const conflict: EndVerdict = { conflicts: true, startedMs: Number.NaN };
