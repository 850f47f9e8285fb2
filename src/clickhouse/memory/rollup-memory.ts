import type { Clock, Timer } from '../../core/clock.js';
import type { RollupMemoryInstruments } from '../../core/instruments.js';
import type { DaysAsked, ReadMemory, ValueAsked } from '../../core/ports/read-memory.js';
import type { StoreReader } from '../../core/ports/store-reader.js';
import type { Stage } from '../../core/stage.js';
import { dayMs, type TimeSpan } from '../../core/time-span.js';
import { StoreChanges } from './store-changes.js';

export interface RollupMemoryDeps {
  readonly store: StoreReader;
  /** Differs when this collector may have changed the store since it was last told. */
  readonly ownSteps: () => number;
  readonly clock: Clock;
  readonly instruments: RollupMemoryInstruments;
}

/** A merged part stays on the store's list for a minute or more: looked at so often, no insert is missed. */
const lookEveryMs = 25_000;
/** Nobody asks: after so long the next request looks, and what was merged meanwhile is read again. */
const lookForMs = 600_000;

/** Where the one value of a key is held. */
const oneValue: readonly TimeSpan[] = [{ fromMs: 0, toMs: dayMs }];

/** What an entry and a value take beside what they hold, roughly. */
const entryBytes = 240;
const valueBytes = 120;

interface Look {
  readonly atMs: number;
  readonly ownSteps: number;
  readonly generation: Promise<number | null>;
}

interface Held {
  /** Undefined: the day has no rows. */
  readonly value: unknown;
  readonly generation: number;
  readonly bytes: number;
}

interface Entry {
  readonly held: Map<number, Held>;
  bytes: number;
}

export interface RollupMemoryOptions {
  /** 0 remembers nothing. */
  readonly bytesMax: number;
  /** So long a look at the store is taken for one of now, while this collector changes nothing. */
  readonly unseenMsMax: number;
}

/**
 * Days of agents, and other sums of the rollups, as they were read last. The entry that was not used for the longest
 * goes first when there are more than `bytesMax` bytes; 0 remembers nothing. Bytes are those that `bytesOf` tells and
 * an allowance for what holds them.
 */
export class RollupMemory implements Stage {
  readonly name = 'memory';
  readonly #changes: StoreChanges;
  readonly #ownSteps: () => number;
  readonly #clock: Clock;
  readonly #instruments: RollupMemoryInstruments;
  readonly #bytesMax: number;
  readonly #unseenMsMax: number;
  readonly #entries = new Map<string, Entry>();
  #bytes = 0;
  #timer: Timer | null = null;
  #usedMs = 0;
  #last: Look | null = null;
  #isStopped = false;

  constructor({ store, ownSteps, clock, instruments }: RollupMemoryDeps, options: RollupMemoryOptions) {
    const { bytesMax, unseenMsMax } = options;
    this.#changes = new StoreChanges(store);
    this.#ownSteps = ownSteps;
    this.#clock = clock;
    this.#instruments = instruments;
    this.#bytesMax = bytesMax;
    this.#unseenMsMax = unseenMsMax;
  }

  get bytes(): number {
    return this.#bytes;
  }

  /** The memory as one request sees it: as the store is when the request first asks. Null: nothing is remembered. */
  open(): ReadMemory | null {
    if (this.#bytesMax === 0) return null;
    let generation: Promise<number | null> | null = null;
    const look = (): Promise<number | null> => {
      generation ??= this.#look();
      return generation;
    };
    // What a request asks twice at once is read once.
    const asking = new Map<string, Promise<unknown>>();
    const once = <Result>(key: string, read: () => Promise<Result>): Promise<Result> => {
      const under = (asking.get(key) as Promise<Result> | undefined) ?? read();
      asking.set(key, under);
      return under;
    };
    return {
      days: (asked) =>
        once(`${asked.key} ${JSON.stringify(asked.days)}`, async () =>
          this.#days(asked, this.#unseen(asked.key, asked.days) ?? (await look())),
        ),
      value: (asked) =>
        once(asked.key, async () => this.#value(asked, this.#unseen(asked.key, oneValue) ?? (await look()))),
    };
  }

  stop(): Promise<void> {
    this.#isStopped = true;
    this.#timer?.cancel();
    this.#timer = null;
    return Promise.resolve();
  }

  /**
   * Where nothing of what is asked is held there is nothing that may have changed: what is read now is as of the last
   * look, or later, and the next look tells what came between.
   */
  #unseen(key: string, days: readonly TimeSpan[]): number | null {
    const held = this.#entries.get(key)?.held;
    if (held !== undefined && spansOf(days, (day) => held.has(day)).length > 0) return null;
    this.#usedMs = this.#clock.monotonicMs();
    this.#schedule();
    return this.#changes.generation;
  }

  /** What others have changed may be told as it was `unseenMsMax` ago. */
  #look(): Promise<number | null> {
    const [atMs, ownSteps] = [this.#clock.monotonicMs(), this.#ownSteps()];
    this.#usedMs = atMs;
    this.#schedule();
    const last = this.#last;
    if (last !== null && last.ownSteps === ownSteps && atMs - last.atMs < this.#unseenMsMax) return last.generation;
    const look: Look = { atMs, ownSteps, generation: this.#changes.look() };
    this.#last = look;
    // What failed is not kept: the next to ask looks again.
    look.generation.catch(() => {
      if (this.#last === look) this.#last = null;
    });
    return look.generation;
  }

  #schedule(): void {
    if (this.#timer !== null || this.#isStopped) return;
    this.#timer = this.#clock.setTimer(lookEveryMs, () => {
      this.#timer = null;
      if (this.#entries.size === 0 || this.#clock.monotonicMs() - this.#usedMs > lookForMs) return;
      // A store that does not answer is told by the requests that need it.
      this.#changes.look().catch(() => undefined);
      this.#schedule();
    });
  }

  async #days<Value>({ table, key, days, read, bytesOf }: DaysAsked<Value>, generation: number | null) {
    const found = new Map<number, Value>();
    if (generation === null) {
      this.#instruments.reads.inc({ outcome: 'unseen' });
      for (const [day, value] of await read(days)) found.set(day, value);
      return inOrder(found);
    }
    const entry = this.#use(key);
    const missing = spansOf(days, (day) => {
      const held = entry.held.get(day);
      const source = { table, days: { fromMs: day, toMs: day + dayMs } };
      const isKnown = held !== undefined && this.#changes.isSame(source, held.generation);
      this.#count(held, isKnown);
      if (isKnown && held.value !== undefined) found.set(day, held.value as Value);
      return !isKnown;
    });
    if (missing.length > 0) {
      const values = await read(missing);
      for (const span of missing) {
        for (let day = span.fromMs; day < span.toMs; day += dayMs) {
          const value = values.get(day);
          if (value !== undefined) found.set(day, value);
          this.#hold(key, day, { value, generation, bytes: value === undefined ? 0 : bytesOf(value) });
        }
      }
    }
    return inOrder(found);
  }

  async #value<Value>({ sources, key, read, bytesOf }: ValueAsked<Value>, generation: number | null): Promise<Value> {
    if (generation === null) {
      this.#instruments.reads.inc({ outcome: 'unseen' });
      return await read();
    }
    const held = this.#use(key).held.get(0);
    const isKnown = held !== undefined && sources.every((source) => this.#changes.isSame(source, held.generation));
    this.#count(held, isKnown);
    if (isKnown) return held.value as Value;
    const value = await read();
    this.#hold(key, 0, { value, generation, bytes: bytesOf(value) });
    return value;
  }

  #count(held: Held | undefined, isKnown: boolean): void {
    this.#instruments.reads.inc({ outcome: isKnown ? 'hit' : held === undefined ? 'miss' : 'changed' });
  }

  /** The entry of a key, now the last one used. */
  #use(key: string): Entry {
    const entry = this.#entries.get(key) ?? { held: new Map<number, Held>(), bytes: 0 };
    if (this.#entries.delete(key)) this.#entries.set(key, entry);
    return entry;
  }

  #hold(key: string, place: number, held: Held): void {
    let entry = this.#entries.get(key);
    if (entry === undefined) {
      entry = { held: new Map(), bytes: entryBytes + 2 * key.length };
      this.#entries.set(key, entry);
      this.#bytes += entry.bytes;
    }
    const before = entry.held.get(place);
    // A slower read of an earlier state of the store.
    if (before !== undefined && before.generation > held.generation) return;
    const more = held.bytes - (before === undefined ? -valueBytes : before.bytes);
    entry.held.set(place, held);
    entry.bytes += more;
    this.#bytes += more;
    this.#forgetSurplus();
    this.#instruments.bytes.set(this.#bytes);
  }

  #forgetSurplus(): void {
    for (const [key, entry] of this.#entries) {
      if (this.#bytes <= this.#bytesMax) return;
      this.#entries.delete(key);
      this.#bytes -= entry.bytes;
      this.#instruments.evictions.inc();
    }
  }
}

/** The days that are wanted, joined where they follow each other; within one of the spans given. */
function spansOf(days: readonly TimeSpan[], isWanted: (dayMs: number) => boolean): TimeSpan[] {
  const spans: { fromMs: number; toMs: number }[] = [];
  for (const span of days) {
    for (let day = span.fromMs; day < span.toMs; day += dayMs) {
      if (!isWanted(day)) continue;
      const last = spans.at(-1);
      if (last?.toMs === day) last.toMs = day + dayMs;
      else spans.push({ fromMs: day, toMs: day + dayMs });
    }
  }
  return spans;
}

function inOrder<Value>(values: ReadonlyMap<number, Value>): Value[] {
  return [...values].sort(([a], [b]) => a - b).map(([, value]) => value);
}
