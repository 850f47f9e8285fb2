/**
 * The slices of one agent at one width, sparse and sorted by slice number (time / width). A ring with a slot for each
 * possible slice would cost an idle agent as much as a busy one; this costs 8 bytes a slice that exists. New slices
 * come at the end, old ones leave at the front; a late slice is inserted where it belongs.
 */
export class SliceSeries {
  /** Slice number and block reference, parallel, from `#first` to `#end`. */
  #numbers = new Int32Array(2);
  #refs = new Int32Array(2);
  #first = 0;
  #end = 0;

  get length(): number {
    return this.#end - this.#first;
  }

  /** Number of the newest slice, -1 when there is none. */
  newestNumber(): number {
    return this.length === 0 ? -1 : this.#numbers[this.#end - 1]!;
  }

  oldestNumber(): number {
    return this.length === 0 ? -1 : this.#numbers[this.#first]!;
  }

  /** Reference of the slice, 0 when it does not exist. */
  find(number: number): number {
    const at = this.#lowerBound(number);
    return at < this.#end && this.#numbers[at] === number ? this.#refs[at]! : 0;
  }

  /** Adds a slice that does not exist yet. */
  insert(number: number, ref: number): void {
    if (this.#end === this.#numbers.length) this.#makeRoom();
    const at = this.#lowerBound(number);
    this.#numbers.copyWithin(at + 1, at, this.#end);
    this.#refs.copyWithin(at + 1, at, this.#end);
    this.#numbers[at] = number;
    this.#refs[at] = ref;
    this.#end++;
  }

  /** Removes and returns the reference of the oldest slice when its number is below `number`, else 0. */
  shiftBefore(number: number): number {
    if (this.length === 0 || this.#numbers[this.#first]! >= number) return 0;
    const ref = this.#refs[this.#first++]!;
    if (this.#first === this.#end) {
      this.#first = 0;
      this.#end = 0;
    }
    return ref;
  }

  /** Calls `visit` with the reference of each slice from `from` to below `to`, oldest first. */
  forEachIn(from: number, to: number, visit: (ref: number) => void): void {
    for (let at = this.#lowerBound(from); at < this.#end && this.#numbers[at]! < to; at++) visit(this.#refs[at]!);
  }

  hasAnyIn(from: number, to: number): boolean {
    const at = this.#lowerBound(from);
    return at < this.#end && this.#numbers[at]! < to;
  }

  /** First position whose number is at least `number`; mostly the last slice, so that is tried first. */
  #lowerBound(number: number): number {
    if (this.length === 0 || this.#numbers[this.#end - 1]! < number) return this.#end;
    let low = this.#first;
    let high = this.#end - 1;
    if (high > low && this.#numbers[high - 1]! < number) return high;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.#numbers[middle]! < number) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  #makeRoom(): void {
    const length = this.length;
    // At least half of the space stays free after a move, so that moves are rare.
    const capacity = length * 2 > this.#numbers.length ? this.#numbers.length * 2 : this.#numbers.length;
    const numbers = new Int32Array(capacity);
    const refs = new Int32Array(capacity);
    numbers.set(this.#numbers.subarray(this.#first, this.#end));
    refs.set(this.#refs.subarray(this.#first, this.#end));
    this.#numbers = numbers;
    this.#refs = refs;
    this.#first = 0;
    this.#end = length;
  }
}
