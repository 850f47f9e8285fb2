const slots = 131_072;

/**
 * Fingerprints of what ended lately, so that a start that comes after its end does not open it again. A direct-mapped
 * cache of 1 MiB: a fingerprint has one place and is forgotten when another one takes it, after about 131,072 further
 * ends. It is written to for every end, so it has no other structure to keep up.
 */
export class EndedMemory {
  readonly #keys = new Float64Array(slots);

  remember(key: number): void {
    this.#keys[slotOf(key)] = key;
  }

  has(key: number): boolean {
    return this.#keys[slotOf(key)] === key;
  }
}

/** The low bits of a fingerprint are as good as any. */
function slotOf(key: number): number {
  return key & (slots - 1);
}
