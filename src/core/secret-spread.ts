import { randomFillSync } from 'node:crypto';

/**
 * Spreads 64-bit fingerprints over the slots of a table by two odd multipliers that only this thread knows: universal
 * hashing by multiplication (M. Dietzfelbinger et al., "A reliable randomized algorithm for the closest-pair problem").
 * Two different fingerprints share one of m slots with a chance of at most 2 in m, whoever chose them; by their own low
 * bits they could be chosen to share one, which makes each look-up as long as the table.
 */
export class SecretSpread {
  readonly #one: number;
  readonly #two: number;

  constructor() {
    const [one, two] = randomFillSync(new Int32Array(2));
    this.#one = one! | 1;
    this.#two = two! | 1;
  }

  /** A slot of `2 ** (32 - shift)`; the table has at least two. Hot path: once a look-up. */
  slot(low: number, high: number, shift: number): number {
    return (Math.imul(low, this.#one) + Math.imul(high, this.#two)) >>> shift;
  }
}
