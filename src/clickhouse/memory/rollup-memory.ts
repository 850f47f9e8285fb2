import type { Clock, Timer } from '../../core/clock.js';
import type { RollupMemoryInstruments } from '../../core/instruments.js';
import type { DaysAsked, ReadMemory, RememberedTable, ValueAsked } from '../../core/ports/read-memory.js';
import type { StoreReader } from '../../core/ports/store-reader.js';
import type { Stage } from '../../core/stage.js';
import { dayMs, type TimeSpan } from '../../core/time-span.js';
import { GrownValues } from './grown-values.js';
import { type Held, HeldEntries } from './held-entries.js';
import { PartMemory } from './part-memory.js';
import { StoreChanges } from './store-changes.js';
import { TimedKeys } from './timed-keys.js';

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

/** What `rests` when it has changed is read without a look for so long. */
const restMs = 2_000;

/** Where the one value of a key is held. */
const oneValue: readonly TimeSpan[] = [{ fromMs: 0, toMs: dayMs }];

interface Look {
  readonly atMs: number;
  readonly ownSteps: number;
  readonly generation: Promise<number | null>;
}

export interface RollupMemoryOptions {
  /** 0 remembers nothing. */
  readonly bytesMax: number;
  /** So long a look at the store is taken for one of now, while this collector changes nothing. */
  readonly unseenMsMax: number;
}

/**
 * Days of agents, and other sums of the rollups, as they were read last, until what is newer needs their room. What
 * goes by parts is in `PartMemory`.
 */
export class RollupMemory implements Stage {
  readonly name = 'memory';
  readonly #changes: StoreChanges;
  readonly #ownSteps: () => number;
  readonly #clock: Clock;
  readonly #instruments: RollupMemoryInstruments;
  readonly #unseenMsMax: number;
  readonly #entries: HeldEntries;
  readonly #parts: PartMemory;
  readonly #grown: GrownValues;
  readonly #resting: TimedKeys;
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
    this.#unseenMsMax = unseenMsMax;
    this.#entries = new HeldEntries(instruments, bytesMax);
    this.#parts = new PartMemory({ changes: this.#changes, entries: this.#entries, clock, instruments });
    this.#grown = new GrownValues({ changes: this.#changes, entries: this.#entries, clock, instruments });
    this.#resting = new TimedKeys(clock, restMs);
  }

  get bytes(): number {
    return this.#entries.bytes;
  }

  /** The memory as one request sees it: as the store is when the request first asks. Null: nothing is remembered. */
  open(): ReadMemory | null {
    if (this.#entries.bytesMax === 0) return null;
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
      value: (asked) => {
        const read = async () => {
          const isResting = this.#resting.has(asked.key);
          const unlooked = isResting ? this.#unlooked() : this.#unseen(asked.key, oneValue);
          return await this.#value(asked, { generation: unlooked ?? (await look()), isResting });
        };
        // Whether the other's answer is one to this too, only what it reads could tell.
        return asked.fits === undefined ? once(asked.key, read) : read();
      },
      parts: (asked) =>
        once(`${asked.key} ${asked.range} parts`, () =>
          this.#parts.read(asked, { unlooked: () => this.#unlooked(), look }),
        ),
      grown: (asked) => this.#grown.read(asked, look),
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
    const held = this.#entries.find(key)?.held;
    if (held !== undefined && spansOf(days, (day) => held.has(day)).length > 0) return null;
    return this.#unlooked();
  }

  #unlooked(): number | null {
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
      if (this.#entries.isEmpty || this.#clock.monotonicMs() - this.#usedMs > lookForMs) return;
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
    const entry = this.#entries.use(key);
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
          this.#entries.hold(key, day, { value, generation, bytes: value === undefined ? 0 : bytesOf(value) });
        }
      }
    }
    return inOrder(found);
  }

  async #value<Value>(
    asked: ValueAsked<Value>,
    { generation, isResting }: { readonly generation: number | null; readonly isResting: boolean },
  ): Promise<Value> {
    const { key, read, bytesOf, fits, rests } = asked;
    if (generation === null) {
      this.#instruments.reads.inc({ outcome: 'unseen' });
      return await read();
    }
    const last = this.#entries.use(key).held.get(0);
    const held = last !== undefined && fits?.(last.value as Value) === false ? undefined : last;
    const isKnown = held !== undefined && !isResting && (await this.#isStill(asked, held));
    this.#count(held, isKnown);
    if (isKnown) {
      if (generation > held.generation) this.#entries.hold(key, 0, { ...held, generation });
      return held.value as Value;
    }
    if (rests === true && held !== undefined && !isResting) this.#resting.add(key);
    const value = await read();
    const bytes = bytesOf(value);
    if (bytes <= this.#entries.bytesMax / 2) {
      this.#entries.hold(key, 0, { value, generation, bytes });
    } else {
      this.#entries.remove(key);
      this.#instruments.evictions.inc();
    }
    return value;
  }

  async #isStill<Value>({ sources, isUntouched }: ValueAsked<Value>, { value, generation }: Held): Promise<boolean> {
    const changed = sources.filter((source) => !this.#changes.isSame(source, generation));
    if (changed.length === 0) return true;
    if (isUntouched === undefined) return false;
    const since = new Map<RememberedTable, readonly string[]>();
    for (const { table } of changed) {
      const before = this.#changes.partsBefore(table, generation);
      // Rows may have gone, or more came than is told apart.
      if (before?.isChanged !== true) return false;
      since.set(table, before.names);
    }
    return await isUntouched(value as Value, since);
  }

  #count(held: Held | undefined, isKnown: boolean): void {
    this.#instruments.reads.inc({ outcome: isKnown ? 'hit' : held === undefined ? 'miss' : 'changed' });
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
