import { expect, test } from 'vitest';
import { preparedStore } from '../../src/clickhouse/prepared-store.js';
import { StoreStartup } from '../../src/clickhouse/store-startup.js';
import { silentLogger } from '../../src/core/logger.js';
import { FakeClock } from '../support/fake-clock.js';

const query = { name: 'some_query', sql: 'SELECT 1', params: {} };

test('a store is away until its schema is prepared, and asked from then on', async () => {
  let finish = () => {};
  const startup = new StoreStartup({ clock: new FakeClock(), random: () => 0, logger: silentLogger }, [
    { name: 'schema', start: () => new Promise((resolve) => (finish = resolve)) },
  ]);
  const file = (async function* () {})();
  const store = preparedStore({ rows: async () => [1] as never, export: async () => file }, startup);
  await startup.start();
  await expect(store.rows(query)).rejects.toMatchObject({ code: 'store_unavailable', retryable: true });
  await expect(store.export({ ...query, format: 'csv' })).rejects.toThrow('the store is being prepared');
  finish();
  await expect.poll(() => startup.ready).toBe(true);
  expect(await store.rows(query)).toEqual([1]);
  expect(await store.export({ ...query, format: 'csv' })).toBe(file);
});
