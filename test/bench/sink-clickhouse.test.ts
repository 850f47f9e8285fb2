import { expect, onTestFinished, test } from 'vitest';
import { SinkClickHouse } from '../../bench/sink-clickhouse.js';

const ask = async (url: string, sql: string) => {
  const response = await fetch(`${url}/?default_format=JSONEachRow`, { method: 'POST', body: sql });
  return await response.text();
};

test('the sink grants whoever asks everything, and has no rows', async () => {
  const sink = await SinkClickHouse.listen();
  onTestFinished(() => sink.close());
  expect(await ask(sink.url, 'CHECK GRANT SELECT ON tidemark.*')).toBe('{"result":1}\n');
  expect(await ask(sink.url, 'SELECT 1')).toBe('');
});
