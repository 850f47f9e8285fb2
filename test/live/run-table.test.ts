import { expect, test } from 'vitest';
import { type LifecycleChanges, noLifecycle, runFields, runPlaces } from '../../src/core/live-batch.js';
import { RunTable } from '../../src/live/run-table.js';
import { seededRandom, testSeed } from '../support/seeded-random.js';

const letters = ['a', 'Z', '7', '-', 'é', '漢', '🌊'];

test('a run has the id and the agents it was told with, whatever came and went before it', () => {
  const seed = testSeed(11);
  const random = seededRandom(seed);
  const below = (limit: number) => Math.floor(random() * limit);
  const table = new RunTable();
  const model = new Map<number, { readonly id: string; readonly agents: string[] }>();
  const hear = (slot: number, agent: string) => {
    const runs = new Float64Array(runFields);
    runs[runPlaces.agent] = 0;
    const batch: LifecycleChanges = { ...noLifecycle, texts: [agent], runs };
    table.hear(slot, batch, 0, 1);
  };
  const check = (slot: number) => {
    const { id, agents } = model.get(slot)!;
    expect([table.id(slot), table.agents(slot)], `seed ${seed}, slot ${slot}`).toEqual([id, agents]);
  };
  for (let turn = 1; turn < 4_000; turn++) {
    // Some ids are longer than what is kept as bytes, and each lies behind others.
    const id = Array.from({ length: 1 + below(random() < 0.2 ? 120 : 20) }, () => letters[below(letters.length)]).join(
      '',
    );
    const ids = Buffer.from(`before${id}behind`);
    const slot = table.add(turn, 'acme', ids, 6, ids.length - 6);
    const agents = Array.from({ length: 1 + below(3) }, () => `agent-${below(3)}`);
    for (const agent of agents) hear(slot, agent);
    model.set(slot, { id, agents: [...new Set(agents)] });
    if (random() < 0.5) check(slot);
    if (random() < 0.6) continue;
    const gone = [...model.keys()][below(model.size)]!;
    check(gone);
    table.remove(gone);
    model.delete(gone);
  }
  expect(table.size).toBe(model.size);
  for (const slot of model.keys()) check(slot);
});
