import { z } from 'zod';
import type { StoreReader } from '../../../core/ports/store-reader.js';
import type { TimeSpan } from '../../../core/time-span.js';
import { checkedRows } from '../sql/checked-rows.js';
import { epochMs, integer64 } from '../sql/column-types.js';
import { fewRows } from '../sql/few-rows.js';
import { UniqueHashes } from '../sql/unique-states.js';
import { usageRow, usageSums, workUsageColumns } from '../sql/usage-columns.js';
import { type FailureFilter, failureCondition, failureTenant } from './failure-filter.js';
import { type FailureGrouping, groupingSql } from './failure-grouping.js';
import { asSettled, failuresWithOutcome, failureTable, type NewTries, recovered, retried } from './failure-outcomes.js';

const row = z.object({
  piece: z.int(),
  key: z.string(),
  count: integer64,
  retried: integer64,
  recovered: integer64,
  ...usageRow,
  runs: z.string(),
  agents: z.string(),
  first_seen_ms: epochMs,
  last_seen_ms: epochMs,
  series: z.array(z.tuple([z.int(), integer64])),
});

/** Failed attempts of a group that lie between two times, with the outcomes that are stored. */
export interface PieceGroup {
  count: number;
  retried: number;
  recovered: number;
  llm_calls: number;
  tokens_in: number;
  tokens_out: number;
  cost_micros: number | null;
  tokens_unpriced: number;
  first_seen_ms: number;
  last_seen_ms: number;
  readonly runs: UniqueHashes;
  /** Empty where the groups are the agents. */
  readonly agents: UniqueHashes;
  /** By the number of the bucket of the range. */
  readonly series: Map<number, number>;
}

/** Groups of the failed attempts of a time, by their key. */
export interface FailurePiece extends TimeSpan {
  readonly groups: Map<string, PieceGroup>;
}

export interface PiecesQuery {
  readonly groupBy: FailureGrouping;
  readonly newTries: NewTries;
  readonly buckets: { readonly firstMs: number; readonly stepMs: number; readonly count: number };
}

/** All groups of some spans of time, in order and apart from each other: a piece for each, in one statement. */
export async function readFailurePieces(
  store: StoreReader,
  filter: Omit<FailureFilter, 'fromMs' | 'toMs'>,
  spans: readonly TimeSpan[],
  { groupBy, newTries, buckets }: PiecesQuery,
): Promise<FailurePiece[]> {
  const { failures, params } = failureCondition(filter);
  const { key, where } = groupingSql[groupBy];
  const within = spans.map(
    (_, index) => `(ts >= ${instantSql(`from_${index}`)} AND ts < ${instantSql(`to_${index}`)})`,
  );
  const pieces = spans.slice(0, -1).map((_, index) => `ts < ${instantSql(`to_${index}`)}, ${index}`);
  const piece = pieces.length === 0 ? '0' : `multiIf(${pieces.join(', ')}, ${pieces.length})`;
  const { firstMs, stepMs, count } = buckets;
  const bucket = `intDiv(toUnixTimestamp64Milli(ts), ${stepMs}) - ${firstMs / stepMs}`;
  const rows = await checkedRows(store, row, {
    name: 'failure_pieces',
    sql: `
      SELECT
        piece, key, count() AS count,
        countIf(outcome >= ${retried}) AS retried, countIf(outcome = ${recovered}) AS recovered,
        ${usageSums('failure')},
        base64Encode(CAST(uniqStateIf(run, run != 0), 'String')) AS runs,
        ${groupBy === 'agent' ? "''" : "base64Encode(CAST(uniqState(agent_id), 'String'))"} AS agents,
        toUnixTimestamp64Milli(min(ts)) AS first_seen_ms, toUnixTimestamp64Milli(max(ts)) AS last_seen_ms,
        arrayFilter(point -> point.2 > 0, arrayZip(range(${count}), countResample(0, ${count}, 1)(bucket))) AS series
      FROM (${failuresWithOutcome({
        columns: `ts, agent_id, run, ${key} AS key, ${piece} AS piece, ${bucket} AS bucket, ${workUsageColumns}`,
        tenant: failureTenant,
        failures: `${failures} AND ${where} AND (${within.join(' OR ')})`,
        tries: '1',
        newTries: asSettled(newTries),
      })}) AS failure
      GROUP BY piece, key`,
    params: {
      ...params,
      ...Object.fromEntries(
        spans.flatMap(({ fromMs, toMs }, at) => [
          [`from_${at}`, fromMs],
          [`to_${at}`, toMs],
        ]),
      ),
    },
    settings: fewRows,
  });
  const found = spans.map((span) => ({ ...span, groups: new Map<string, PieceGroup>() }));
  for (const read of rows) found[read.piece]?.groups.set(read.key, groupOf(read));
  return found;
}

function instantSql(name: string): string {
  return `fromUnixTimestamp64Milli({${name}:Int64}, 'UTC')`;
}

function groupOf({ piece: _piece, key: _key, runs, agents, series, ...sums }: z.output<typeof row>): PieceGroup {
  return { ...sums, runs: uniqueOf(runs), agents: uniqueOf(agents), series: new Map(series) };
}

function uniqueOf(base64: string): UniqueHashes {
  const unique = new UniqueHashes();
  if (base64 !== '') unique.addState(Buffer.from(base64, 'base64'));
  return unique;
}

const secondsRow = z.object({ seconds: z.array(z.int()), first_ms: epochMs, last_ms: epochMs });

/** Seconds that are told apart. */
const secondsMax = 10_000;

/**
 * When failures of the tenant lie that are in other parts than these, in whole seconds and before a time: in spans of a
 * second each, or one span of all where they are many.
 */
export async function readFailureTimes(
  store: StoreReader,
  {
    tenant,
    partsBefore,
    toMs,
  }: { readonly tenant: string; readonly partsBefore: readonly string[]; readonly toMs: number },
): Promise<readonly TimeSpan[]> {
  const [found] = await checkedRows(store, secondsRow, {
    name: 'failure_times',
    sql: `
      SELECT
        groupUniqArray(${secondsMax + 1})(toUnixTimestamp(ts)) AS seconds,
        toUnixTimestamp64Milli(min(ts)) AS first_ms, toUnixTimestamp64Milli(max(ts)) AS last_ms
      FROM ${failureTable}
      WHERE ${failureTenant} AND lane = 'failed' AND ts < ${instantSql('to_ms')}
        AND _part NOT IN {parts:Array(String)}`,
    params: { tenant, to_ms: toMs, parts: [...partsBefore] },
    isSmall: true,
  });
  if (found === undefined || found.seconds.length === 0) return [];
  if (found.seconds.length > secondsMax) return [{ fromMs: found.first_ms, toMs: found.last_ms + 1 }];
  return found.seconds.map((second) => ({ fromMs: 1_000 * second, toMs: 1_000 * second + 1_000 }));
}
