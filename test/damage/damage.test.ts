import { appendFileSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { seededRandom, testSeed } from '../support/seeded-random.js';
import { startDamaged } from './damaged-start.js';
import { type DamageCase, damageCases, inflict } from './damages.js';
import { copyDirectory, type PreparedDirectory, prepareDirectory } from './prepared-directory.js';
import { faultsOf, tableRow } from './whole-table.js';

const whole = process.env.TIDEMARK_DAMAGE;
const cases = damageCases.filter(({ kind }) => whole === undefined || whole === 'all' || kind.name.includes(whole));
const root = mkdtempSync(join(tmpdir(), 'tidemark-damage-'));
let prepared: PreparedDirectory;

beforeAll(async () => {
  prepared = await prepareDirectory(join(root, 'prepared'));
}, 180_000);
afterAll(() => rmSync(root, { recursive: true, force: true }));

test.each(cases.map((each) => [each.kind.name, each.damage, each] as const))(
  '%s %s',
  async (_kind, _damage, each) => {
    await judged(each);
  },
  90_000,
);

async function judged(each: DamageCase): Promise<void> {
  const path = join(root, 'damaged');
  rmSync(path, { recursive: true, force: true });
  copyDirectory(prepared.path, path);
  if (!inflict(each, { ...prepared, path })) return;
  const outcome = await startDamaged({ ...prepared, path }, { isLocked: each.kind.name === 'collector.lock' });
  const faults = faultsOf(each, outcome);
  const table = process.env.TIDEMARK_DAMAGE_TABLE;
  if (table !== undefined) appendFileSync(table, `${tableRow(each, outcome, faults)}\n`);
  expect(faults).toEqual([]);
}
void seededRandom;
void testSeed;
