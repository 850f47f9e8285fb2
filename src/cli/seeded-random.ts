import type { Random } from '../core/clock.js';

/**
 * A repeatable stream of numbers in [0, 1): splitmix32 (Guy Steele et al., "Fast splittable pseudorandom number
 * generators", 2014, in its 32-bit form), so that a seed makes the same fleet on every machine.
 */
export function seededRandom(seed: number): Random {
  let state = seed | 0;
  return () => {
    state = (state + 0x9e3779b9) | 0;
    let mixed = Math.imul(state ^ (state >>> 16), 0x21f0aaad);
    mixed = Math.imul(mixed ^ (mixed >>> 15), 0x735a2d97);
    return ((mixed ^ (mixed >>> 15)) >>> 0) / 4_294_967_296;
  };
}

/** Log-normal with the given median: exp(ln(median) + sigma * z), z by the Box-Muller transform. */
export function logNormal(random: Random, shape: { readonly median: number; readonly sigma: number }): number {
  const z = Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random());
  return shape.median * Math.exp(shape.sigma * z);
}

/** Pareto by inversion: min / u^(1/alpha). Below alpha = 2 the variance is infinite: that is the heavy tail. */
export function pareto(random: Random, shape: { readonly min: number; readonly alpha: number }): number {
  return shape.min / (1 - random()) ** (1 / shape.alpha);
}

/** An element, each with the same chance. */
export function pick<T>(random: Random, values: readonly [T, ...T[]]): T {
  return values[Math.floor(random() * values.length)] ?? values[0];
}

/** An integer from `min` to `max`, both included. */
export function integerBetween(random: Random, range: { readonly min: number; readonly max: number }): number {
  return range.min + Math.floor(random() * (range.max - range.min + 1));
}
