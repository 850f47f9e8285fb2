import { invariant } from '../../core/invariant.js';
import type { Proportion } from './two-proportion-test.js';

/** Odds this close count as equal: tables of the same odds differ by the rounding of their logarithms. */
const equalOdds = 1 + 1e-7;

/**
 * The two-sided p value of the exact test of Fisher: the share of all tables with the same margins that are no likelier
 * than this one. Right however few the trials. It takes as many steps as the smallest margin is large, so it is for
 * where the normal approximation does not hold.
 * Source: R. A. Fisher, Statistical Methods for Research Workers (1934), §21.02; two-sided as R's `fisher.test`.
 */
export function fisherExactTest(first: Proportion, second: Proportion): number {
  const successes = first.successes + second.successes;
  const least = Math.max(0, successes - second.trials);
  const most = Math.min(first.trials, successes);
  invariant(first.successes >= least && first.successes <= most, 'successes are within the trials');
  // Odds of each table to this one, from neighbour to neighbour: no factorial is computed. Where they pass every number
  // the answer is 0, as it should be.
  let all = 1;
  let noLikelier = 1;
  const count = (odds: number) => {
    all += odds;
    if (odds <= equalOdds) noLikelier += odds;
    return odds;
  };
  for (let cell = first.successes, odds = 1; cell < most; cell++) {
    const rest = second.trials - successes + cell + 1;
    odds = count((odds * (successes - cell) * (first.trials - cell)) / ((cell + 1) * rest));
  }
  for (let cell = first.successes, odds = 1; cell > least; cell--) {
    const rest = second.trials - successes + cell;
    odds = count((odds * cell * rest) / ((successes - cell + 1) * (first.trials - cell + 1)));
  }
  return Math.min(1, noLikelier / all);
}
