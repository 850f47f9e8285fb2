import { KeyTable } from '../../core/key-table.js';

const slotsInitial = 1_024;
const none = -1;

/** What is known of something that is open. */
export interface OpenWork {
  startedMs: number;
  /** When its start was received. */
  heardMs: number;
  /** Number of its name, -1 when it told none. */
  name: number;
  stepKind: number;
}

/** What is open, by its key, in the order in which it was heard of. */
export class OpenStarts {
  readonly #slots = new KeyTable();
  readonly #free: number[] = [];
  #used = 0;
  #keys = new Float64Array(slotsInitial);
  #startedMs = new Float64Array(slotsInitial);
  #heardMs = new Float64Array(slotsInitial);
  #names = new Int32Array(slotsInitial);
  #stepKinds = new Int32Array(slotsInitial);
  #older = new Int32Array(slotsInitial);
  #newer = new Int32Array(slotsInitial);
  #oldest = none;
  #newest = none;

  get size(): number {
    return this.#slots.size;
  }

  /** When the oldest was heard of, Infinity when there is none. */
  get oldestHeardMs(): number {
    return this.#oldest === none ? Number.POSITIVE_INFINITY : this.#heardMs[this.#oldest]!;
  }

  /** Fetches the slots of keys that are looked up next, every `step`th of `keys`; see `EventIdMemory.prefetch`. */
  fetch(keys: Float64Array, from: number, to: number, step: number): number {
    return this.size === 0 ? 0 : this.#slots.fetch(keys, from, to, step);
  }

  /** NaN when it is not open. */
  startOf(key: number): number {
    const slot = this.#slots.get(key);
    return slot === none ? Number.NaN : this.#startedMs[slot]!;
  }

  /** Hot path: once a start. Of what is told twice the earlier start stays, and the name told first. */
  add(key: number, { startedMs, heardMs, name, stepKind }: OpenWork): void {
    const known = this.#slots.get(key);
    if (known !== none) {
      if (startedMs < this.#startedMs[known]!) this.#startedMs[known] = startedMs;
      if (this.#names[known] === none) this.#describe(known, name, stepKind);
      return;
    }
    const slot = this.#free.pop() ?? this.#used++;
    if (slot === this.#keys.length) this.#grow();
    this.#keys[slot] = key;
    this.#startedMs[slot] = startedMs;
    this.#heardMs[slot] = heardMs;
    this.#describe(slot, name, stepKind);
    this.#older[slot] = this.#newest;
    this.#newer[slot] = none;
    if (this.#newest === none) this.#oldest = slot;
    else this.#newer[this.#newest] = slot;
    this.#newest = slot;
    this.#slots.add(key, slot);
  }

  /** Hot path: once an end. Leaves in `taken` what was known of it; false when it is not open. */
  take(key: number, taken: OpenWork): boolean {
    const slot = this.#slots.get(key);
    if (slot === none) return false;
    this.#remove(slot);
    taken.startedMs = this.#startedMs[slot]!;
    taken.heardMs = this.#heardMs[slot]!;
    taken.name = this.#names[slot]!;
    taken.stepKind = this.#stepKinds[slot]!;
    return true;
  }

  #describe(slot: number, name: number, stepKind: number): void {
    this.#names[slot] = name;
    this.#stepKinds[slot] = stepKind;
  }

  dropOldest(): void {
    if (this.#oldest !== none) this.#remove(this.#oldest);
  }

  #remove(slot: number): void {
    const older = this.#older[slot]!;
    const newer = this.#newer[slot]!;
    if (older === none) this.#oldest = newer;
    else this.#newer[older] = newer;
    if (newer === none) this.#newest = older;
    else this.#older[newer] = older;
    this.#slots.remove(this.#keys[slot]!);
    this.#free.push(slot);
  }

  #grow(): void {
    const length = 2 * this.#keys.length;
    this.#keys = grown(this.#keys, new Float64Array(length));
    this.#startedMs = grown(this.#startedMs, new Float64Array(length));
    this.#heardMs = grown(this.#heardMs, new Float64Array(length));
    this.#names = grown(this.#names, new Int32Array(length));
    this.#stepKinds = grown(this.#stepKinds, new Int32Array(length));
    this.#older = grown(this.#older, new Int32Array(length));
    this.#newer = grown(this.#newer, new Int32Array(length));
  }
}

function grown<List extends Float64Array | Int32Array>(from: List, to: List): List {
  to.set(from);
  return to;
}
