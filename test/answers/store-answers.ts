import { contractViews } from '../../src/clickhouse/contract-views.js';
import type { CollectorProcess } from '../support/collector-process.js';
import { kept, type RecordedAnswer } from './recorded-answer.js';

/** Asked otherwise than by all of their columns. */
const statements: Readonly<Record<string, string>> = {
  agent_duration_digests: `
    SELECT tenant, agent_id, minute, sum(duration_count) AS durations,
      quantilesTDigestMerge(0.5, 0.95, 0.99)(duration_digest) AS percentiles,
      quantilesTDigestMerge(0.5, 0.95, 0.99)(successful_duration_digest) AS successful_percentiles
    FROM agent_duration_digests GROUP BY ALL ORDER BY ALL`,
};

/** The views of the contract, their columns and their rows, as anybody reads them through the engine's port. */
export async function storeAnswers(collector: CollectorProcess, baseMs: number): Promise<[string, RecordedAnswer][]> {
  const headers = { 'x-clickhouse-user': 'default', 'x-clickhouse-key': collector.readerPassword };
  const ask = async (sql: string): Promise<RecordedAnswer> => {
    const query = '/?database=tidemark&default_format=JSONEachRow&output_format_json_quote_64bit_integers=0';
    const response = await fetch(collector.storeUrl + query, { method: 'POST', body: sql, headers });
    const text = await response.text();
    const lines = text.split('\n').filter((line) => line !== '');
    const body = response.ok ? lines.map((line) => kept(JSON.parse(line), { baseMs, hasRange: true })) : text;
    return { status: response.status, contentType: response.headers.get('content-type') ?? '', body };
  };
  const answers: [string, RecordedAnswer][] = [];
  for (const view of contractViews) {
    answers.push([`columns of ${view}`, await ask(`DESCRIBE TABLE ${view}`)]);
    answers.push([`rows of ${view}`, await ask(statements[view] ?? `SELECT * FROM ${view} ORDER BY ALL`)]);
  }
  return answers;
}

/** The series of the events with their values, the names of all others. */
export async function metricAnswers(collector: CollectorProcess): Promise<[string, RecordedAnswer][]> {
  const metrics = [...(await collector.metrics())];
  const answer = (body: unknown): RecordedAnswer => ({ status: 200, contentType: 'text/plain', body });
  const ofEvents = metrics.filter(([name]) => name.startsWith('agent_'));
  const names = new Set(metrics.map(([name]) => name.replace(/\{.*/, '')));
  return [
    [
      'series of /metrics',
      answer(Object.fromEntries(ofEvents.map(([name, value]) => [name, Number(value.toPrecision(10))]))),
    ],
    ['names of /metrics', answer(Object.fromEntries([...names].toSorted().map((name) => [name, true])))],
  ];
}
