import { expect, test } from 'vitest';
import { EndpointPool } from '../../src/clickhouse/endpoint-pool.js';
import { FakeClock } from '../support/fake-clock.js';

class Gone extends Error {}
class Refused extends Gone {}

const any = { choice: 'spread', again: 'unanswered' } as const;
const first = { choice: 'first', again: 'unsent' } as const;
const insert = { choice: 'spread', again: 'unsent' } as const;

/** Of servers by name; those in `out` do not answer. */
function poolOf(names: readonly string[]) {
  const clock = new FakeClock();
  const out = new Set<string>();
  const pool = new EndpointPool(
    { clock, random: () => 0, isOut: (error) => error instanceof Gone, isUnsent: (error) => error instanceof Refused },
    names.map((name) => ({ url: name, connection: name })),
  );
  const asked: string[] = [];
  const ask = async (name: string) => {
    asked.push(name);
    if (out.has(name)) throw new Gone(`${name} is gone`);
    return name;
  };
  return { clock, out, pool, asked, ask };
}

test('what may be asked of any server goes to the one with the least to do', async () => {
  const { pool, ask } = poolOf(['a', 'b', 'c']);
  const ends: (() => void)[] = [];
  const long = (name: string) => new Promise<string>((resolve) => ends.push(() => resolve(name)));
  const running = [0, 1, 2, 3].map(() => pool.run(insert, long));
  const loads = pool.endpoints.map(({ running: count }) => count).sort();
  expect(loads).toEqual([1, 1, 2]);
  const least = pool.endpoints.filter(({ running: count }) => count === 1).map(({ url }) => url);
  expect(least).toContain(await pool.run(insert, ask));
  for (const end of ends) end();
  expect((await Promise.all(running)).sort()).toHaveLength(4);
});

test('statements that see what was written before go to the first that answers, and back to it', async () => {
  const { clock, out, pool, ask } = poolOf(['a', 'b']);
  expect(await pool.run(first, ask)).toBe('a');
  out.add('a');
  await expect(pool.run(first, ask)).rejects.toThrow('a is gone');
  expect(pool.endpoints.map(({ problem }) => problem)).toEqual(['a is gone', null]);
  expect(await pool.run(first, ask)).toBe('b');
  out.clear();
  expect(await pool.run(first, ask)).toBe('b');
  clock.advance(1_000);
  expect(await pool.run(first, ask)).toBe('a');
  expect(pool.endpoints.map(({ problem }) => problem)).toEqual([null, null]);
});

test('a read is asked of every server before it fails, and a refused one of one', async () => {
  const { out, pool, asked, ask } = poolOf(['a', 'b', 'c']);
  out.add('a').add('b');
  expect(await pool.run(any, ask)).toBe('c');
  out.add('c');
  asked.length = 0;
  await expect(pool.run(any, ask)).rejects.toThrow(/ is gone/);
  expect([...asked].sort()).toEqual(['a', 'b', 'c']);
  const refused = () => Promise.reject(new Error('syntax'));
  await expect(pool.run(any, refused)).rejects.toThrow('syntax');
});

test('when all are left out, the one that comes back first is tried', async () => {
  const { out, pool, ask } = poolOf(['a', 'b']);
  out.add('a').add('b');
  await expect(pool.run(first, ask)).rejects.toThrow('a is gone');
  await expect(pool.run(first, ask)).rejects.toThrow('b is gone');
  out.delete('a');
  expect(await pool.run(first, ask)).toBe('a');
});

test('a statement that did not get there is sent to the next, one that may have is not', async () => {
  const { pool, ask } = poolOf(['a', 'b']);
  const refused = async (name: string) => {
    if (name === 'a') throw new Refused('no connection');
    return await ask(name);
  };
  expect(await pool.run(first, refused)).toBe('b');
  const { pool: other } = poolOf(['a', 'b']);
  const lost = async (name: string) => {
    if (name === 'a') throw new Gone('no answer');
    return name;
  };
  await expect(other.run(first, lost)).rejects.toThrow('no answer');
  const { pool: third } = poolOf(['a']);
  await expect(third.run(insert, refused)).rejects.toThrow('no connection');
});
