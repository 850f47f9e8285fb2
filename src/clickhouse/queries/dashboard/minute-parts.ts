import { floorTo, hourMs, minuteMs, type TimeSpan } from '../../../core/time-span.js';
import { epochSeconds } from '../sql/bucket-time.js';
import { packed, unpacked } from '../sql/packed-numbers.js';
import { ofUnknownParts, type PartRows } from './part-rows.js';
import type { TenantBucketRow } from './tenant-days.js';
import { addedByStart, bucketNumbers, bucketOf, plainBucket, summedBucket } from './tenant-sums.js';

/** Executions; with those that were cancelled in all of them. */
export interface AgentOutcomes {
  total: number;
  successful: number;
  failed: number;
}

/** Executions of an agent that are in the range whenever in its last hour it ends, and those by minute that may be. */
interface AgentMinutes extends AgentOutcomes {
  readonly byMinute: OutcomeMinute[];
}

interface OutcomeMinute extends Readonly<AgentOutcomes> {
  readonly startMs: number;
}

/** What a part of the minute rollup holds of a tenant: a range that begins and ends within an hour. */
export interface MinutePart {
  readonly agents: Map<string, AgentMinutes>;
  /** Hours, and minutes of the first and the last hour. */
  buckets: TenantBucketRow[];
}

/** The hours in which the range begins and ends: between them, sums by the hour do. */
export interface EdgeHours {
  readonly firstMs: number;
  readonly lastMs: number;
}

export function edgeHoursOf({ fromMs, toMs }: TimeSpan): EdgeHours {
  return { firstMs: floorTo(fromMs, hourMs), lastMs: floorTo(toMs - minuteMs, hourMs) };
}

export function minuteParams({ firstMs, lastMs }: EdgeHours): Readonly<Record<string, number>> {
  return {
    from_s: epochSeconds(firstMs),
    first_end_s: epochSeconds(firstMs + hourMs),
    last_s: epochSeconds(lastMs),
    to_s: epochSeconds(lastMs + hourMs),
  };
}

export function newMinutePart(): MinutePart {
  return { agents: new Map(), buckets: [] };
}

export function addMinuteRows(part: MinutePart, rows: PartRows, edges: EdgeHours): void {
  if (rows.kind === 'hour') addBuckets(part, rows);
  else if (rows.kind === 'outcomes') addOutcomes(part, rows);
  else addRows(part, rows, edges);
}

function addBuckets(part: MinutePart, { keys, numbers }: PartRows): void {
  const perRow = 1 + bucketNumbers;
  const told = unpacked(numbers, keys.length, perRow);
  part.buckets = keys.map((_, at) => bucketOf(told[perRow * at]!, told, perRow * at + 1));
}

function addOutcomes({ agents }: MinutePart, { keys, numbers }: PartRows): void {
  const told = unpacked(numbers, keys.length, 4);
  for (const [index, agent] of keys.entries()) {
    const at = 4 * index;
    const [startMs, total] = [told[at]! * 1_000, told[at + 1]!];
    addTo(agents, agent, { startMs, total, successful: told[at + 2]!, failed: told[at + 3]! });
  }
}

/** Rows as they are stored. */
function addRows(part: MinutePart, { keys, numbers }: PartRows, { firstMs, lastMs }: EdgeHours): void {
  const perRow = 1 + bucketNumbers;
  const told = unpacked(numbers, keys.length, perRow);
  const buckets: TenantBucketRow[] = [];
  for (const [at, agent] of keys.entries()) {
    const bucket = bucketOf(told[perRow * at]!, told, perRow * at + 1);
    const { start_s: startS, successful, failed, cancelled } = bucket;
    const total = successful + failed + cancelled;
    const startMs = startS * 1_000;
    const isAtEdge = startMs < firstMs + hourMs || startMs >= lastMs;
    if (total > 0) addTo(part.agents, agent, { startMs: isAtEdge ? startMs : 0, total, successful, failed });
    buckets.push(isAtEdge ? bucket : { ...bucket, start_s: epochSeconds(floorTo(startMs, hourMs)) });
  }
  part.buckets = addedByStart([...part.buckets, ...buckets]);
}

function addTo(agents: Map<string, AgentMinutes>, agent: string, minute: OutcomeMinute): void {
  let outcomes = agents.get(agent);
  if (outcomes === undefined) {
    outcomes = { ...noOutcomes, byMinute: [] };
    agents.set(agent, outcomes);
  }
  if (minute.startMs === 0) addOutcome(outcomes, minute);
  else outcomes.byMinute.push(minute);
}

const noOutcomes: Readonly<AgentOutcomes> = { total: 0, successful: 0, failed: 0 };

function addOutcome(sums: AgentOutcomes, { total, successful, failed }: Readonly<AgentOutcomes>): void {
  sums.total += total;
  sums.successful += successful;
  sums.failed += failed;
}

export function minutePartBytes({ agents, buckets }: MinutePart): number {
  let bytes = 300 + 200 * buckets.length;
  for (const { byMinute } of agents.values()) bytes += 300 + 80 * byMinute.length;
  return bytes;
}

const ofRange = `${ofUnknownParts}
      AND minute >= toDateTime({from_s:UInt32}, 'UTC')
      AND minute < toDateTime({to_s:UInt32}, 'UTC')`;

const edgeMinute = `minute < toDateTime({first_end_s:UInt32}, 'UTC') OR minute >= toDateTime({last_s:UInt32}, 'UTC')`;

/** Of many rows, added up by the engine. */
export const minuteSumsSql: readonly string[] = [
  `
    SELECT
      part, if(is_hour, 'hour', 'outcomes') AS kind, agent AS key, '' AS name,
      if(is_hour, sums, outcomes) AS numbers, '' AS state
    FROM (
      SELECT
        _part AS part,
        toString(agent_id) AS agent,
        grouping(agent_id) = 1 AS is_hour,
        ${packed('toUnixTimestamp(hour_start)', ...summedBucket)} AS sums,
        ${packed(
          'toUnixTimestamp(agent_start)',
          'sum(bucket.total)',
          'sum(bucket.successful)',
          'sum(bucket.failed)',
        )} AS outcomes
      FROM agent_performance_per_minute_v1 AS bucket
      WHERE ${ofRange}
      GROUP BY GROUPING SETS (
        (_part, agent_id, if(${edgeMinute}, minute, toDateTime(0, 'UTC')) AS agent_start),
        (_part, if(${edgeMinute}, minute, toStartOfHour(minute)) AS hour_start)
      )
    )`,
];

/** Of few rows, as they are stored. */
export const minuteRowsSql: readonly string[] = [
  `
    SELECT
      _part AS part, 'agent minute' AS kind, toString(agent_id) AS key, '' AS name,
      ${packed('toUnixTimestamp(minute)', ...plainBucket)} AS numbers, '' AS state
    FROM agent_performance_per_minute_v1 AS bucket
    WHERE ${ofRange}`,
];

/** Sums of a tenant by hour over the range, the first of them in part. */
export function hoursOf(parts: readonly MinutePart[], { fromMs, toMs }: TimeSpan): TenantBucketRow[] {
  const hours: TenantBucketRow[] = [];
  for (const { buckets } of parts) {
    for (const bucket of buckets) {
      const startMs = bucket.start_s * 1_000;
      // An hour between the edges is in the range, whatever it is to the minute.
      if (startMs < fromMs || startMs >= toMs) continue;
      hours.push({ ...bucket, start_s: epochSeconds(floorTo(startMs, hourMs)) });
    }
  }
  return addedByStart(hours);
}

/** Executions by outcome over the range. */
export function outcomesOf(parts: readonly MinutePart[], { fromMs, toMs }: TimeSpan): Map<string, AgentOutcomes> {
  const all = new Map<string, AgentOutcomes>();
  for (const { agents } of parts) {
    for (const [agent, outcomes] of agents) {
      const sums = all.get(agent) ?? { ...noOutcomes };
      addOutcome(sums, outcomes);
      for (const minute of outcomes.byMinute) {
        if (minute.startMs >= fromMs && minute.startMs < toMs) addOutcome(sums, minute);
      }
      all.set(agent, sums);
    }
  }
  return all;
}
