import { existsSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { readerRules } from '../../src/clickhouse/embedded/guard/statement-rules.js';
import { readerEscapes, tableFunctionUses } from '../corpus/sql-escapes.js';
import { writerEscapes } from '../corpus/writer-escapes.js';
import { askChannel, askPort } from '../support/ask-engine.js';
import { createTestEngine, type TestEngine } from '../support/embedded-engine.js';
import { endings, type GeneratedSql, harmlessSql, hostileSql } from '../support/hostile-sql.js';
import { seededRandom, testSeed } from '../support/seeded-random.js';

/**
 * The guard of the open port against everything that was tried on it: a list, and variants from a grammar, as many as
 * `TIDEMARK_GUARD_VARIANTS` says. What must not be read holds a word that must not come back; what must not be written
 * must not be there.
 */
const secret = 'stolen-by-a-stranger';
const variants = Number(process.env.TIDEMARK_GUARD_VARIANTS ?? 400);
/** Not allowed, not known, no statement: nothing of it ran. */
const refusals: ReadonlySet<number> = new Set([36, 46, 48, 50, 60, 62, 63, 81, 164, 497]);
let rig: TestEngine;
let file: string;
let out: string;

beforeAll(async () => {
  rig = createTestEngine({ readerTables: ['t'], waitingRequestsMax: 1_000 });
  const outside = join(rig.spoolDir, '..', 'outside');
  mkdirSync(outside);
  file = join(outside, 'secret.tsv');
  out = join(outside, 'written');
  writeFileSync(file, `${secret}\n`);
  await rig.engine.start();
  await askChannel(rig, 'CREATE TABLE t (id UInt64) ENGINE = MergeTree ORDER BY id');
  await askChannel(rig, 'CREATE TABLE hidden (id UInt64, text String) ENGINE = MergeTree ORDER BY id');
  await askChannel(rig, `INSERT INTO hidden VALUES (1, '${secret}')`);
});

afterAll(async () => await rig.end());

/** Why a statement was not refused as it should be, null when it was. */
async function escaped(sql: string, user: string): Promise<string | null> {
  const statement = sql.replaceAll('{file}', () => file).replaceAll('{out}', () => out);
  const { code, text } = await askPort(rig, statement, { user, query: 'param_name=hidden&param_a=x' });
  if (text.includes(secret)) return `${sql}: it was read`;
  if (existsSync(out)) return `${sql}: it was written`;
  return refusals.has(code) ? null : `${sql}: ${code} ${text.slice(0, 200)}`;
}

async function escapes(statements: readonly string[], user = 'default'): Promise<readonly string[]> {
  const found: string[] = [];
  let next = 0;
  const worker = async () => {
    for (let sql = statements[next++]; sql !== undefined; sql = statements[next++]) {
      const why = await escaped(sql, user);
      if (why !== null) found.push(why);
    }
  };
  await Promise.all([worker(), worker(), worker(), worker()]);
  return found;
}

test('every statement of the list is refused to a reader, by name of the rule and not for want of a file', async () => {
  expect(readerEscapes.length).toBeGreaterThan(300);
  expect(await escapes(readerEscapes)).toEqual([]);
});

test('what leaves the data directory is refused to the writer of the open port too', async () => {
  expect(await escapes(writerEscapes, 'tidemark')).toEqual([]);
  expect(readdirSync(join(rig.dataDir)).sort()).toEqual([
    'db',
    'definitions.json',
    'engine.lock',
    'engine.sock',
    'engine.xml',
    'inserts',
    'results',
  ]);
});

test('every table function of the engine that does more than compute is refused', async () => {
  const { text } = await askChannel(rig, 'SELECT name FROM system.table_functions');
  // The standard's VALUES comes from a parser that is not in use here.
  const computing = new Set([...readerRules.tableFunctions, 'SQLStandardValues']);
  const names = text.split('\n').filter((name) => name !== '' && !computing.has(name));
  expect(names.length).toBeGreaterThan(60);
  const calls = names.map(
    (name, at) => `${name}(${at % 2 === 0 ? "'{file}'" : "'http://127.0.0.1:1/x', 'TSV', 'a String'"})`,
  );
  const statements = calls.flatMap((call) => tableFunctionUses.map((use) => use.replaceAll('{call}', () => call)));
  expect(await escapes(statements)).toEqual([]);
});

test('settings that lift a limit, name a file or change the language are refused beside a statement', async () => {
  const refused = (user: string, query: string) => askPort(rig, 'SELECT 1', { user, query }).then(({ code }) => code);
  for (const setting of [
    'allow_experimental_analyzer=0',
    'format_schema=x',
    'format_avro_schema_registry_url=http://127.0.0.1:1',
    'format_template_row=x',
    'output_format_schema=x',
    'dialect=prql',
    'implicit_select=1',
    'use_query_cache=1',
    'query_plan_optimize_prewhere=1',
    'query_cache_tag=x',
  ]) {
    expect(await refused('default', setting), setting).toBe(164);
  }
  for (const setting of ['format_schema=x', 'format_avro_schema_registry_url=x', 'dialect=prql', 'url_base=x']) {
    expect(await refused('tidemark', setting), setting).toBe(164);
  }
});

test('variants from a grammar are refused, and harmless ones answered', { timeout: 3_600_000 }, async () => {
  const seed = testSeed(20261126);
  const random = seededRandom(seed);
  const hostile = Array.from({ length: variants }, () => hostileSql({ random, file, hidden: 'hidden' }).sql);
  expect(await escapes(hostile), `seed ${seed}`).toEqual([]);
  const harmless: GeneratedSql[] = Array.from({ length: Math.ceil(variants / 10) }, () => harmlessSql(random));
  for (const { sql, answer } of harmless) {
    expect((await askPort(rig, sql)).text, `seed ${seed}: ${sql}`).toBe(answer);
  }
});

test('the tree that the guard decides on is that of the statement which runs', { timeout: 3_600_000 }, async () => {
  const seed = testSeed(20261127);
  const random = seededRandom(seed);
  for (let index = 0; index < variants / 4; index++) {
    const { sql } = index % 3 === 0 ? harmlessSql(random) : hostileSql({ random, file, hidden: 'hidden' });
    // Behind its semicolon the explained statement would end, and what follows stand alone.
    if (endings.some((ending) => sql.endsWith(ending))) continue;
    const printed = (
      await askChannel(rig, `SELECT formatQuerySingleLine(unhex('${hex(sql)}')) FORMAT Raw`)
    ).text.trim();
    const again = (await askChannel(rig, `SELECT formatQuerySingleLine(unhex('${hex(printed)}')) FORMAT Raw`)).text;
    expect(again.trim(), `seed ${seed}: ${sql}`).toBe(printed);
    const sent = await askChannel(rig, `EXPLAIN AST ${sql}`);
    const ran = await askChannel(rig, `EXPLAIN AST ${printed}`);
    expect(ran.text, `seed ${seed}: ${sql}`).toBe(sent.text);
  }
});

test('what the engine resolves in a statement that passed is what the rules allow', async () => {
  const random = seededRandom(testSeed(20261128));
  for (let index = 0; index < 60; index++) {
    const { sql } = harmlessSql(random);
    if (endings.some((ending) => sql.endsWith(ending))) continue;
    const tree = (await askChannel(rig, `EXPLAIN QUERY TREE ${sql}`)).text;
    const functions = [...tree.matchAll(/function_name: (\w+)/g)].map((match) => match[1]);
    const tables = [...tree.matchAll(/ table_name: ([\w.]+)/g)].map((match) => match[1]);
    expect(functions.filter((name) => name === 'file' || name === 'sleep')).toEqual([]);
    expect(tables.filter((name) => !['tidemark.t', 'system.one'].includes(name ?? ''))).toEqual([]);
  }
});

function hex(text: string): string {
  return Buffer.from(text).toString('hex');
}
