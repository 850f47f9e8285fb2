/**
 * HalfSipHash-2-4 with a 64-bit result (J.-P. Aumasson, D. J. Bernstein, "SipHash: a fast short-input PRF"),
 * over the UTF-16LE bytes of a text. Keyed, so that one tenant cannot construct the name of another's producer.
 * Two of a million producers share a fingerprint with a chance of 3 in 10^8.
 *
 * The result is left in `low` and `high` (unsigned 32-bit), so that hashing allocates nothing.
 */
export class ProducerHash {
  low = 0;
  high = 0;
  readonly #key0: number;
  readonly #key1: number;
  #v0 = 0;
  #v1 = 0;
  #v2 = 0;
  #v3 = 0;

  constructor(key0: number, key1: number) {
    this.#key0 = key0 | 0;
    this.#key1 = key1 | 0;
  }

  /** Hot path: twice a frame. */
  hash(text: string): void {
    const units = text.length;
    this.#v0 = this.#key0;
    this.#v1 = this.#key1 ^ 0xee;
    this.#v2 = 0x6c796765 ^ this.#key0;
    this.#v3 = 0x74656462 ^ this.#key1;
    let at = 0;
    for (; at + 1 < units; at += 2) this.#compress(text.charCodeAt(at) | (text.charCodeAt(at + 1) << 16));
    // The last word holds what is left and, in its top byte, the length in bytes modulo 256.
    this.#compress((at < units ? text.charCodeAt(at) : 0) | ((units * 2) << 24));
    this.#v2 ^= 0xee;
    this.#rounds(4);
    this.low = (this.#v1 ^ this.#v3) >>> 0;
    this.#v1 ^= 0xdd;
    this.#rounds(4);
    this.high = (this.#v1 ^ this.#v3) >>> 0;
  }

  #compress(word: number): void {
    this.#v3 ^= word;
    this.#rounds(2);
    this.#v0 ^= word;
  }

  #rounds(count: number): void {
    let v0 = this.#v0;
    let v1 = this.#v1;
    let v2 = this.#v2;
    let v3 = this.#v3;
    for (let round = 0; round < count; round++) {
      v0 = (v0 + v1) | 0;
      v1 = ((v1 << 5) | (v1 >>> 27)) ^ v0;
      v0 = (v0 << 16) | (v0 >>> 16);
      v2 = (v2 + v3) | 0;
      v3 = ((v3 << 8) | (v3 >>> 24)) ^ v2;
      v0 = (v0 + v3) | 0;
      v3 = ((v3 << 7) | (v3 >>> 25)) ^ v0;
      v2 = (v2 + v1) | 0;
      v1 = ((v1 << 13) | (v1 >>> 19)) ^ v2;
      v2 = (v2 << 16) | (v2 >>> 16);
    }
    this.#v0 = v0;
    this.#v1 = v1;
    this.#v2 = v2;
    this.#v3 = v3;
  }
}
