import type { Random } from '../../src/core/clock.js';

/**
 * A repeatable stream of numbers in [0, 1): mulberry32 (Tommy Ettinger, public domain), 32 bits of state.
 * A test that uses chance prints its seed, so that a failure can be run again.
 */
export function seededRandom(seed: number): Random {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}

export function randomInteger(random: Random, range: { readonly min: number; readonly max: number }): number {
  return range.min + Math.floor(random() * (range.max - range.min + 1));
}

/** The seed of a run: `TIDEMARK_TEST_SEED` when set, so that a printed seed can be repeated. */
export function testSeed(fallback: number): number {
  const given = Number(process.env.TIDEMARK_TEST_SEED);
  return Number.isInteger(given) && given > 0 ? given : fallback;
}
