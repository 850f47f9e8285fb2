export { integerBetween as randomInteger, seededRandom } from '../../src/cli/seeded-random.js';

/** The seed of a run: `TIDEMARK_TEST_SEED` when set, so that a printed seed can be repeated. */
export function testSeed(fallback: number): number {
  const given = Number(process.env.TIDEMARK_TEST_SEED);
  return Number.isInteger(given) && given > 0 ? given : fallback;
}
