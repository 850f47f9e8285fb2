/** The newest items, up to a number of them; what is older is forgotten. */
export class Ring<Item> {
  readonly #capacity: number;
  readonly #items: Item[] = [];
  /** Where the oldest is, once it is full. */
  #first = 0;

  constructor(capacity: number) {
    this.#capacity = capacity;
  }

  get length(): number {
    return this.#items.length;
  }

  push(item: Item): void {
    if (this.#items.length < this.#capacity) {
      this.#items.push(item);
      return;
    }
    this.#items[this.#first] = item;
    this.#first = (this.#first + 1) % this.#capacity;
  }

  /** From the oldest, 0, on. */
  at(index: number): Item | undefined {
    return index < this.#items.length ? this.#items[(this.#first + index) % this.#capacity] : undefined;
  }

  clear(): void {
    this.#items.length = 0;
    this.#first = 0;
  }

  toArray(): Item[] {
    return [...this.#items.slice(this.#first), ...this.#items.slice(0, this.#first)];
  }
}
