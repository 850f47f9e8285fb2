import type { IncomingMessage } from 'node:http';
import { Readable } from 'node:stream';
import { expect, test } from 'vitest';
import { ClickHouseException } from '../../src/clickhouse/embedded/clickhouse-exception.js';
import { readRequestBody } from '../../src/clickhouse/embedded/front/request-body.js';

const queryBytesMax = 64;

async function read(chunks: readonly string[]): Promise<object> {
  const buffers = chunks.map((chunk) => Buffer.from(chunk));
  const request = Object.assign(Readable.from(buffers, { objectMode: true }), { headers: {}, complete: true });
  try {
    const limits = { query: '', queryBytesMax, mayInsert: true, isFramed: false };
    const { head, bytes, rest } = await readRequestBody(request as unknown as IncomingMessage, limits);
    const all = [bytes];
    for (let next = await rest.next(); next.done !== true; next = await rest.next()) all.push(next.value);
    return { head, bytes: Buffer.concat(all).toString() };
  } catch (error) {
    if (!(error instanceof ClickHouseException)) throw error;
    return { refused: error.type };
  }
}

test.each([
  [
    'an INSERT that ends within the limit, its data beyond',
    `INSERT INTO t (${'a, '.repeat(10)}b) VALUES (1), (2), (3)`,
  ],
  ['an INSERT of just the limit', `INSERT INTO t (${'a, '.repeat(12)}b)    VALUES 1`],
  ['an INSERT that ends beyond the limit', `INSERT INTO t (${'a, '.repeat(20)}b) VALUES (1)`],
  ['an INSERT that is wrong beyond the limit', `INSERT INTO t (${'a, '.repeat(20)}b) WHERE 1`],
  ['an INSERT that is wrong within the limit', `INSERT INTO t WHERE ${'x'.repeat(100)}`],
  ['a heredoc whose end comes late', 'INSERT INTO t SETTINGS a = $a$ VALUES $a$ VALUES (1)'],
  ['a dollar sign that begins no heredoc', 'INSERT INTO t SETTINGS a = $a$ VALUES (1)'],
  ['a statement that is no INSERT', 'SELECT 1'],
])('%s is the same wherever it is cut', async (_, text) => {
  const whole = await read([text]);
  expect(await read([...text])).toEqual(whole);
  for (let at = 1; at < text.length; at++)
    expect(await read([text.slice(0, at), text.slice(at)]), `${at}`).toEqual(whole);
});

test('an INSERT is not longer than the limit, however it comes', async () => {
  const text = `INSERT INTO t (${'a, '.repeat(20)}b) VALUES (1)`;
  expect(await read([text])).toEqual({ refused: 'QUERY_IS_TOO_LARGE' });
});
