/** How often something happened: `successes` of `trials`, whole numbers. */
export interface Proportion {
  readonly successes: number;
  readonly trials: number;
}

export interface ProportionDifference {
  /** Share of the second less that of the first, from -1 to 1. */
  readonly difference: number;
  /** The difference in standard errors; its sign is that of the difference. */
  readonly zScore: number;
  /** Two-sided: how likely a difference at least as large is when both have the same share. 0 to 1. */
  readonly pValue: number;
}

/** Below it a difference is called significant. */
export const significancePMax = 0.05;

/**
 * The pooled two-proportion z-test: z = (p2 - p1) / sqrt(p (1 - p) (1/n1 + 1/n2)), where p is the share of both
 * together. Null when one has no trials. Shares that are both 0 or both 1 have no variance and no difference: p is 1.
 * The normal approximation wants about five successes and five failures a side; with fewer it is too ready to call a
 * difference significant, so callers ask for a number of trials first.
 * Source: NIST/SEMATECH e-Handbook of Statistical Methods, section 7.3.3.
 */
export function twoProportionTest(first: Proportion, second: Proportion): ProportionDifference | null {
  if (first.trials === 0 || second.trials === 0) return null;
  const difference = second.successes / second.trials - first.successes / first.trials;
  const pooled = (first.successes + second.successes) / (first.trials + second.trials);
  const variance = pooled * (1 - pooled) * (1 / first.trials + 1 / second.trials);
  if (variance === 0) return { difference, zScore: 0, pValue: 1 };
  const zScore = difference / Math.sqrt(variance);
  return { difference, zScore, pValue: Math.min(1, 2 * upperTail(Math.abs(zScore))) };
}

const seriesZMax = 3;
const fractionTerms = 60;

/**
 * Share of the standard normal distribution above z >= 0. Source: Abramowitz and Stegun, Handbook of Mathematical
 * Functions, 26.2.11 (series) below 3 and 26.2.14 (continued fraction) above; both to about 13 digits.
 */
function upperTail(z: number): number {
  const density = Math.exp(-(z * z) / 2) / Math.sqrt(2 * Math.PI);
  if (z >= seriesZMax) {
    let fraction = z;
    for (let term = fractionTerms; term >= 1; term--) fraction = z + term / fraction;
    return density / fraction;
  }
  let sum = 0;
  let addend = z;
  for (let odd = 3; sum + addend !== sum; odd += 2) {
    sum += addend;
    addend *= (z * z) / odd;
  }
  return 0.5 - density * sum;
}
