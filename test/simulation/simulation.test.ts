import { expect, test } from 'vitest';
import { runHistory } from './history.js';
import type { Mutant } from './mutants.js';
import { mutants } from './mutants.js';

/** `TIDEMARK_SIMULATION_SEED`, `TIDEMARK_SIMULATION_HISTORIES` change them; `npm run simulate` runs many more. */
const seed = Number(process.env.TIDEMARK_SIMULATION_SEED ?? 20_261_126);
const histories = Number(process.env.TIDEMARK_SIMULATION_HISTORIES ?? 2_500);

test(`everything acknowledged is in every table once, in ${histories} histories from seed ${seed}`, async () => {
  let acknowledged = 0;
  let lives = 0;
  for (let each = seed; each < seed + histories; each++) {
    const result = await runHistory(each);
    expect({ seed: each, violation: result.violation }).toEqual({ seed: each, violation: null });
    acknowledged += result.acknowledged;
    lives += result.lives;
  }
  expect(acknowledged).toBeGreaterThan(histories * 5);
  expect(lives).toBeGreaterThan(histories * 2);
});

test('a seed repeats its history', async () => {
  for (let each = seed; each < seed + 20; each++) expect(await runHistory(each)).toEqual(await runHistory(each));
});

/** Histories within which each mutant is found. */
const historiesMax = 1_500;

const says: Readonly<Record<Mutant, string>> = {
  ack_before_sync: 'an answer before the sync is done',
  no_directory_sync: 'a directory that is never synced',
  token_per_attempt: 'another token at each repetition of an insert',
  release_before_check: 'a release without a look at what came of the insert',
  no_note: 'an insert without a note of what was there before',
  merge_unsynced: 'merged parts that are not synced although their sources are gone',
  no_journals: 'journals of positions and event ids that are not appended to',
};

for (const mutant of mutants) {
  test(`the histories notice ${says[mutant]}`, async () => {
    let found: string | null = null;
    for (let each = seed; each < seed + historiesMax && found === null; each++) {
      found = (await runHistory(each, { mutant })).violation;
    }
    expect(found).not.toBeNull();
    // Something was lost or doubled; a history that breaks off tells nothing.
    expect(found).not.toMatch(/^threw/);
  });
}
