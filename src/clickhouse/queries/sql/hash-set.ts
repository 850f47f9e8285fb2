/** Of a typed array that its slots are in, roughly. */
const headBytes = 160;
const firstSlots = 16;
const noSlots = new Uint32Array(0);
/** The golden ratio of 32 bits. */
const seedStep = 0x9e37_79b1;
let made = 0;

/**
 * A set of numbers of 32 bits in one array, at most three quarters of it in use: 5 to 11 bytes each, where a `Set`
 * takes some 40. Nothing is taken out.
 */
export class HashSet {
  #slots = noSlots;
  #shift = 32;
  #used = 0;
  /** Of its own: values in the order of another set's slots would lie ever closer in a smaller one. */
  readonly #seed = Math.imul(++made, seedStep);
  /** Zero is an empty slot. */
  #hasZero = false;

  get size(): number {
    return this.#used + (this.#hasZero ? 1 : 0);
  }

  get bytes(): number {
    return headBytes + this.#slots.byteLength;
  }

  has(value: number): boolean {
    if (value === 0) return this.#hasZero;
    return this.#used > 0 && this.#slots[this.#slotOf(value)] === value;
  }

  add(value: number): void {
    if (value === 0) {
      this.#hasZero = true;
      return;
    }
    if (4 * this.#used >= 3 * this.#slots.length) this.#grow();
    const slot = this.#slotOf(value);
    if (this.#slots[slot] === value) return;
    this.#slots[slot] = value;
    this.#used++;
  }

  visit(each: (value: number) => void): void {
    if (this.#hasZero) each(0);
    for (const value of this.#slots) if (value !== 0) each(value);
  }

  /** Where a value is, or the empty slot where it would be. */
  #slotOf(value: number): number {
    const slots = this.#slots;
    const last = slots.length - 1;
    let slot = mixed(value ^ this.#seed) >>> this.#shift;
    while (slots[slot] !== 0 && slots[slot] !== value) slot = (slot + 1) & last;
    return slot;
  }

  #grow(): void {
    const before = this.#slots;
    this.#slots = new Uint32Array(Math.max(firstSlots, 2 * before.length));
    this.#shift = 32 - Math.log2(this.#slots.length);
    for (const value of before) if (value !== 0) this.#slots[this.#slotOf(value)] = value;
  }
}

/** The finalizer of MurmurHash3: each bit depends on all. */
function mixed(value: number): number {
  const first = Math.imul(value ^ (value >>> 16), 0x85eb_ca6b);
  const second = Math.imul(first ^ (first >>> 13), 0xc2b2_ae35);
  return second ^ (second >>> 16);
}
