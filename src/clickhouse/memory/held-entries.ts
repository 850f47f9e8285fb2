import type { RollupMemoryInstruments } from '../../core/instruments.js';
import { JoinedParts } from './joined-parts.js';

/** What an entry and a value take beside what they hold, roughly. */
const entryBytes = 240;
const valueBytes = 120;

export interface Held {
  /** Undefined: the day, or the part, has no rows. */
  readonly value: unknown;
  readonly generation: number;
  readonly bytes: number;
}

export interface Entry {
  /** By the start of a day, or by the name of a part. */
  readonly held: Map<number | string, Held>;
  bytes: number;
  /** Of parts. */
  readonly range: string;
  readonly joined: JoinedParts;
}

/**
 * What was read, by key. The entry that was not used for the longest goes first when there are more than `bytesMax`
 * bytes: those that whoever holds a value tells, and an allowance for what holds them.
 */
export class HeldEntries {
  readonly bytesMax: number;
  readonly #instruments: RollupMemoryInstruments;
  /** The one that was used last is at the end. */
  readonly #entries = new Map<string, Entry>();
  #bytes = 0;

  constructor(instruments: RollupMemoryInstruments, bytesMax: number) {
    this.#instruments = instruments;
    this.bytesMax = bytesMax;
  }

  get bytes(): number {
    return this.#bytes;
  }

  get isEmpty(): boolean {
    return this.#entries.size === 0;
  }

  find(key: string): Entry | undefined {
    return this.#entries.get(key);
  }

  /** The entry of a key, now the last one used; one that is not held yet is so with its first value. */
  use(key: string, range = ''): Entry {
    const entry = this.#entries.get(key) ?? newEntry(key, range);
    if (this.#entries.delete(key)) this.#entries.set(key, entry);
    return entry;
  }

  /** The entry of a key and range, held from now on; one of another range goes. */
  of(key: string, range: string): Entry {
    if (this.#entries.get(key)?.range !== range) this.remove(key);
    const used = this.use(key, range);
    if (!this.#entries.has(key)) this.#add(key, used);
    return used;
  }

  hold(key: string, place: number | string, held: Held): void {
    let entry = this.#entries.get(key);
    if (entry === undefined) {
      entry = newEntry(key, '');
      this.#add(key, entry);
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

  drop(entry: Entry, place: number | string): void {
    const held = entry.held.get(place);
    if (held === undefined) return;
    entry.held.delete(place);
    entry.bytes -= held.bytes + valueBytes;
    this.#bytes -= held.bytes + valueBytes;
  }

  remove(key: string): void {
    const entry = this.#entries.get(key);
    if (entry === undefined) return;
    this.#entries.delete(key);
    this.#bytes -= entry.bytes;
    this.#instruments.bytes.set(this.#bytes);
  }

  #add(key: string, entry: Entry): void {
    this.#entries.set(key, entry);
    this.#bytes += entry.bytes;
  }

  #forgetSurplus(): void {
    for (const key of this.#entries.keys()) {
      if (this.#bytes <= this.bytesMax) return;
      this.remove(key);
      this.#instruments.evictions.inc();
    }
  }
}

function newEntry(key: string, range: string): Entry {
  return { held: new Map(), bytes: entryBytes + 2 * key.length, range, joined: new JoinedParts() };
}
