import type { Random } from './clock.js';
import { invariant } from './invariant.js';

/** Bounds of the wait between two attempts, in ms. */
export interface Backoff {
  readonly delayMsMin: number;
  readonly delayMsMax: number;
}

/**
 * How long to wait after failed attempt number `attempt` (from 1): uniformly between the minimum and a ceiling that
 * doubles with each attempt up to the maximum ("full jitter" above a floor; M. Brooker, "Exponential Backoff And
 * Jitter", AWS Architecture Blog, 2015), so that those which lost one server do not return together.
 */
export function backoffMs(backoff: Backoff, attempt: number, random: Random): number {
  invariant(attempt >= 1, `attempt ${attempt} is not a positive number`);
  const { delayMsMin, delayMsMax } = backoff;
  // 2^30 times the minimum is beyond any maximum: higher powers would only lose precision.
  const ceiling = Math.min(delayMsMax, delayMsMin * 2 ** Math.min(attempt, 30));
  return delayMsMin + random() * (ceiling - delayMsMin);
}
