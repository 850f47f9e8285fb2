import { randomInteger, seededRandom } from '../support/seeded-random.js';

/** All of them, in an order that the seed decides (Fisher and Yates): the first ones are a fair sample. */
export function shuffled<Item>(items: readonly Item[], seed: number): Item[] {
  const random = seededRandom(seed);
  const order = [...items];
  for (let last = order.length - 1; last > 0; last--) {
    const other = randomInteger(random, { min: 0, max: last });
    [order[last], order[other]] = [order[other]!, order[last]!];
  }
  return order;
}
