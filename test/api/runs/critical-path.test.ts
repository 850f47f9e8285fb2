import { expect, test } from 'vitest';
import { criticalMs, type TimedNode } from '../../../src/api/runs/critical-path.js';
import { randomInteger, seededRandom, testSeed } from '../../support/seeded-random.js';

interface Child {
  readonly index: number;
  readonly startMs: number;
  readonly endMs: number;
}

/**
 * The definition, by trying everything: of all chains of children that do not overlap, the one whose last member ends
 * last, then begins first, then comes first; among those the one whose last but one does, and so on. A chain that goes
 * on further back wins over one that stops.
 */
function pathByTryingAll(nodes: readonly TimedNode[]): (number | null)[] {
  const own: (number | null)[] = nodes.map(() => null);
  const walk = (index: number, startMs: number, endMs: number): void => {
    const children: Child[] = [];
    nodes.forEach((node, child) => {
      const clipped = { index: child, startMs: Math.max(node.startMs, startMs), endMs: Math.min(node.endMs, endMs) };
      if (node.parent === index && clipped.endMs > clipped.startMs) children.push(clipped);
    });
    let best: Child[] = [];
    for (let picked = 1; picked < 2 ** children.length; picked++) {
      const chain = children.filter((_, place) => (picked >> place) % 2 === 1).sort((a, b) => b.endMs - a.endMs);
      const overlaps = chain.some((child, place) => place > 0 && child.endMs > (chain[place - 1]?.startMs ?? 0));
      if (!overlaps && isBetter(chain, best)) best = chain;
    }
    own[index] = best.reduce((left, child) => left - (child.endMs - child.startMs), endMs - startMs);
    for (const child of best) walk(child.index, child.startMs, child.endMs);
  };
  const [root] = nodes;
  if (root !== undefined) walk(0, root.startMs, root.endMs);
  return own;
}

function isBetter(chain: readonly Child[], best: readonly Child[]): boolean {
  for (const [place, child] of chain.entries()) {
    const other = best[place];
    if (other === undefined) return true;
    const order = child.endMs - other.endMs || other.startMs - child.startMs || other.index - child.index;
    if (order !== 0) return order > 0;
  }
  return false;
}

test('the path of random small trees is the one found by trying every chain of children', () => {
  const seed = testSeed(20_261_121);
  const random = seededRandom(seed);
  for (let round = 0; round < 3_000; round++) {
    const nodes: TimedNode[] = [{ parent: -1, startMs: 0, endMs: randomInteger(random, { min: 0, max: 30 }) }];
    const size = randomInteger(random, { min: 0, max: 9 });
    for (let index = 1; index <= size; index++) {
      // Some begin before or end after their parent, some take no time, some end together.
      const startMs = randomInteger(random, { min: -4, max: 30 });
      const endMs = startMs + randomInteger(random, { min: 0, max: 12 });
      nodes.push({ parent: randomInteger(random, { min: 0, max: index - 1 }), startMs, endMs });
    }
    expect(criticalMs(nodes), `seed ${seed}, round ${round}: ${JSON.stringify(nodes)}`).toEqual(pathByTryingAll(nodes));
  }
});

test('of steps side by side the path has the one that ended last, what it waited for, and the gaps', () => {
  const run = { parent: -1, startMs: 0, endMs: 100 };
  const fast = { parent: 0, startMs: 10, endMs: 30 };
  const first = { parent: 0, startMs: 10, endMs: 45 };
  const last = { parent: 0, startMs: 50, endMs: 90 };
  const call = { parent: 3, startMs: 55, endMs: 85 };
  expect(criticalMs([run, fast, first, last, call])).toEqual([10 + 5 + 10, null, 35, 10, 30]);
});

test('a chain of 20,000 nodes and 20,000 siblings are walked without recursion', () => {
  const deep = Array.from({ length: 20_000 }, (_, index) => ({
    parent: index - 1,
    startMs: 0,
    endMs: 100_000 - index,
  }));
  expect(criticalMs(deep)).toEqual(deep.map((_, index) => (index === 19_999 ? 100_000 - index : 1)));
  const wide = Array.from({ length: 20_000 }, (_, index) => ({ parent: 0, startMs: index, endMs: index + 1 }));
  wide[0] = { parent: -1, startMs: 0, endMs: 20_000 };
  expect(criticalMs(wide)).toEqual(wide.map(() => 1));
});

test('a tree without nodes has no path', () => {
  expect(criticalMs([])).toEqual([]);
});
