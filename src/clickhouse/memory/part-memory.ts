import type { Clock } from '../../core/clock.js';
import type { RollupMemoryInstruments } from '../../core/instruments.js';
import type { PartsAsked } from '../../core/ports/read-memory.js';
import { dayMs, type TimeSpan } from '../../core/time-span.js';
import type { HeldEntries } from './held-entries.js';
import { JoinedParts } from './joined-parts.js';
import { type BlockRange, holds, partName, partOfName, type StorePart } from './part-changes.js';
import type { StoreChanges } from './store-changes.js';
import { largeForMs, TimedKeys } from './timed-keys.js';

/** What came between a look and the read behind it is looked at again, so often. */
const partTriesMax = 3;

export interface PartMemoryDeps {
  readonly changes: StoreChanges;
  readonly entries: HeldEntries;
  readonly clock: Clock;
  readonly instruments: RollupMemoryInstruments;
}

/** How a request looks at the store: at its last look, null where there is none; and anew. */
export interface PartLooks {
  readonly unlooked: () => number | null;
  readonly look: () => Promise<number | null>;
}

/** What each part of a table holds of something, as it was read last: a part never changes. */
export class PartMemory {
  readonly #changes: StoreChanges;
  readonly #entries: HeldEntries;
  readonly #instruments: RollupMemoryInstruments;
  /** Keys that go together. */
  readonly #large: TimedKeys;

  constructor({ changes, entries, clock, instruments }: PartMemoryDeps) {
    this.#changes = changes;
    this.#entries = entries;
    this.#instruments = instruments;
    this.#large = new TimedKeys(clock, largeForMs);
  }

  /** Null where nothing can be known of parts, and where they hold too much. */
  async read<Value, Joined>(asked: PartsAsked<Value, Joined>, { unlooked, look }: PartLooks): Promise<Joined | null> {
    const isHeld = this.#entries.find(asked.key)?.range === asked.range;
    if (!isHeld && asked.onlyHeld === true) return null;
    let generation = (isHeld ? null : unlooked()) ?? (await look());
    for (let tries = 1; generation !== null && !this.#large.has(asked.together); tries++) {
      const { values, isCurrent } = await this.#partValues(asked, generation);
      if (isCurrent || tries === partTriesMax) {
        const entry = this.#entries.find(asked.key);
        const joined = entry?.range === asked.range ? entry.joined : new JoinedParts();
        return await joined.of(values, asked.join);
      }
      generation = await this.#changes.look();
    }
    this.#instruments.reads.inc({ outcome: 'unseen' });
    return null;
  }

  /** Not current: there were parts in the store that the look did not know, so one it knew may have gone with them. */
  async #partValues<Value, Joined>(asked: PartsAsked<Value, Joined>, generation: number) {
    const { table, key, days, read, bytesOf } = asked;
    const entry = this.#entries.of(key, asked.range);
    const isHeld = entry.held.size > 0;
    // Of a part that was listed and is not read either has no rows or is gone for good.
    const parts = this.#changes.parts(table).filter((part) => reaches(part, days));
    const listed = new Set(parts.map(partName));
    const found = new Map<string, unknown>();
    for (const name of listed) {
      const held = entry.held.get(name);
      if (held !== undefined && this.#changes.isSameParts(table, held.generation)) found.set(name, held.value);
    }
    const isKnown = isHeld && found.size === listed.size;
    this.#instruments.reads.inc({ outcome: isKnown ? 'hit' : isHeld ? 'changed' : 'miss' });
    let isCurrent = true;
    if (!isKnown) {
      const unknown = parts.filter((part) => !found.has(partName(part)));
      const rows = isHeld ? unknown.reduce((sum, part) => sum + part.rows, 0) : null;
      const values = await read({ known: [...found.keys()], rows });
      const merged = [...values.keys()].flatMap((name) => partOfName(name) ?? []);
      isCurrent = !isHeld || [...values.keys()].every((name) => listed.has(name));
      for (const name of found.keys()) if (isWithin(name, merged)) found.delete(name);
      for (const name of listed) if (!found.has(name)) found.set(name, undefined);
      for (const [name, value] of values) found.set(name, value);
      this.#holdParts(asked, found, { generation, bytesOf });
    }
    return { values: inOrderOfInserts(found) as Value[], isCurrent };
  }

  #holdParts<Value, Joined>(
    { key, range, together }: PartsAsked<Value, Joined>,
    values: ReadonlyMap<string, unknown>,
    { generation, bytesOf }: { readonly generation: number; readonly bytesOf: (value: Value) => number },
  ): void {
    const sizes = new Map<string, number>();
    for (const [name, value] of values) sizes.set(name, value === undefined ? 0 : bytesOf(value as Value));
    const bytes = [...sizes.values()].reduce((sum, size) => sum + size, 0);
    if (bytes > this.#entries.bytesMax / 2) {
      this.#entries.remove(key);
      this.#instruments.evictions.inc();
      this.#large.add(together);
      return;
    }
    const entry = this.#entries.of(key, range);
    for (const name of entry.held.keys()) {
      if (!values.has(String(name))) this.#entries.drop(entry, name);
    }
    for (const [name, value] of values) {
      const before = entry.held.get(name);
      if (before !== undefined && before.value === value && before.generation >= generation) continue;
      this.#entries.hold(key, name, { value, generation, bytes: sizes.get(name) ?? 0 });
    }
  }
}

function reaches({ fromDay, toDay }: StorePart, days: TimeSpan | null): boolean {
  return days === null || (fromDay * dayMs < days.toMs && (toDay + 1) * dayMs > days.fromMs);
}

function isWithin(name: string, parts: readonly BlockRange[]): boolean {
  const own = partOfName(name);
  return own !== null && parts.some((part) => holds(part, own));
}

/** The values of parts that have rows. */
function inOrderOfInserts(values: ReadonlyMap<string, unknown>): unknown[] {
  return [...values]
    .filter(([, value]) => value !== undefined)
    .map(([name, value]) => ({ ...(partOfName(name) ?? { partition: name, minBlock: 0 }), value }))
    .sort((a, b) => (a.partition === b.partition ? a.minBlock - b.minBlock : a.partition < b.partition ? -1 : 1))
    .map(({ value }) => value);
}
