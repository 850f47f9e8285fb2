import { afterAll, beforeAll, expect, test } from 'vitest';
import { FunctionCatalog } from '../../src/clickhouse/embedded/guard/function-catalog.js';
import { parseTree } from '../../src/clickhouse/embedded/guard/syntax-tree.js';
import { askPort } from '../support/ask-engine.js';
import { createTestEngine, type TestEngine } from '../support/embedded-engine.js';

/** Statements that are short to write and were long to work on. None of these tests would end if one still were. */
let rig: TestEngine;

beforeAll(async () => {
  rig = createTestEngine({ readerTables: ['t'] });
  await rig.engine.start();
});

afterAll(async () => await rig.end());

test('an error text of a million blanks is told, cut, and the engine goes on', async () => {
  const { code, text } = await askPort(rig, "SELECT throwIf(1, concat(repeat(' ', 1000000), 'x'))");
  expect(code).toBe(395);
  expect(text.length).toBeLessThan(70_000);
  expect((await askPort(rig, 'SELECT 1')).text).toBe('1\n');
});

test('a NUL in a statement, which ends the text of an error, leaves it its code', async () => {
  expect(await askPort(rig, 'SELECT 1 \0')).toMatchObject({ code: 62, status: 400 });
  expect(await askPort(rig, "SELECT throwIf(1, 'a\\0b')")).toMatchObject({ code: 395 });
  expect(await askPort(rig, "SELECT 'a\0b'")).toMatchObject({ code: 0, text: 'a\\0b\n' });
});

test('heredocs without an end are refused where the engine would search for each to the end of the text', async () => {
  const tags = Array.from({ length: 120_000 }, (_, at) => `$${at.toString(36)}$`);
  expect(await askPort(rig, `SELECT ${tags.join(' ')}`)).toMatchObject({ code: 223, status: 413 });
  expect(await askPort(rig, `SELECT '${tags.slice(0, 500).join(' ')}' != $a$ $b$ $a$`)).toMatchObject({ text: '1\n' });
});

test('an aggregate function with thousands of combinators is unknown', async () => {
  expect(await askPort(rig, `SELECT sum${'If'.repeat(100_000)}(1)`)).toMatchObject({ code: 46, status: 404 });
  const entry = { name: 'sum', aliasTo: '', category: 'Aggregate Functions', isAggregate: true };
  const catalog = new FunctionCatalog([{ ...entry, isCaseInsensitive: true }], ['If', 'OrNull']);
  expect(catalog.verdict(`sum${'OrNullIf'.repeat(30)}`, new Set())).toBe('allowed');
  expect(catalog.verdict(`sum${'If'.repeat(1_000_000)}`, new Set())).toBe('unknown');
});

test('a parser that steps back again and again is stopped early', async () => {
  const statement = `SELECT ${'CASE WHEN 1 THEN '.repeat(300)}`;
  const { code, text } = await askPort(rig, statement);
  expect(code).not.toBe(0);
  expect(text).toContain('Maximum amount of backtracking (100000) exceeded');
});

test('a tree with half a million nodes side by side is read', () => {
  const lines = [`ExpressionList (children ${500_000})`, ...Array.from({ length: 500_000 }, () => ' Literal 1')];
  expect(parseTree(lines).children).toHaveLength(500_000);
});
