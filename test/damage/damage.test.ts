import { randomUUID } from 'node:crypto';
import { appendFileSync, mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest';
import { randomInteger, seededRandom, testSeed } from '../support/seeded-random.js';
import { removeDirectory } from '../support/temp-dir.js';
import { faultsOf, tableRow } from './damage-verdict.js';
import { startDamaged } from './damaged-start.js';
import { type DamageCase, damageCases, damages, fileKinds, inflict } from './damages.js';
import { copyDirectory, type PreparedDirectory, prepareDirectory } from './prepared-directory.js';

/**
 * Every kind of file of the data directory, damaged in every way, and a start of the real process in what is left. It
 * starts and says what is missing, or it ends with a code that is not 0 and one line that says what to do; what was
 * acknowledged and lies in no damaged file is there, once.
 *
 * A sample runs with the tests: each kind of file beside the engine's once, and some of the engine's. `npm run damage`
 * runs the whole table; `TIDEMARK_DAMAGE=<part of a name>` a part of it, and `TIDEMARK_DAMAGE_TABLE=<file>` gets a row
 * for each.
 */
const asked = process.env.TIDEMARK_DAMAGE;
const seed = testSeed(20_261_126);
const engineSample = 3;
const cases =
  asked === undefined ? sampled() : damageCases.filter(({ kind }) => asked === 'all' || kind.name.includes(asked));

function sampled(): DamageCase[] {
  const random = seededRandom(seed);
  const anyOf = <Item>(items: readonly Item[]) => items[randomInteger(random, { min: 0, max: items.length - 1 })]!;
  const engine = fileKinds.filter(({ name }) => name.startsWith('engine/'));
  const kinds = fileKinds.filter((kind) => !engine.includes(kind));
  for (let count = 0; count < engineSample; count++) kinds.push(anyOf(engine.filter((kind) => !kinds.includes(kind))));
  return kinds.map((kind) => ({ kind, damage: anyOf(damages) }));
}

const root = mkdtempSync(join(tmpdir(), 'tidemark-damage-'));
let prepared: PreparedDirectory;

beforeAll(async () => {
  prepared = await prepareDirectory(join(root, 'prepared'));
});
afterAll(() => removeDirectory(root));

test.each(cases.map((each) => [each.kind.name, each.damage, each] as const))(
  `a start with %s %s loses nothing else and is not silent (seed ${seed})`,
  async (_kind, _damage, each) => {
    const path = join(root, `damaged-${randomUUID()}`);
    copyDirectory(prepared.path, path);
    onTestFinished(() => removeDirectory(path));
    const directory = { ...prepared, path };
    if (!inflict(each, directory)) return;
    const outcome = await startDamaged(directory);
    const faults = faultsOf(each, outcome);
    const table = process.env.TIDEMARK_DAMAGE_TABLE;
    if (table !== undefined) appendFileSync(table, `${tableRow(each, outcome, faults)}\n`);
    expect(faults).toEqual([]);
  },
);
