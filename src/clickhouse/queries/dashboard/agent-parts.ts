import { dayText } from '../../../core/time-text.js';
import { MergedDigest, unpackedDigests } from '../sql/merged-digest.js';
import { packed, unpacked } from '../sql/packed-numbers.js';
import type { AgentStandingsRange } from './agent-standings.js';
import { ofUnknownParts, type PartRows } from './part-rows.js';
import type { TenantBucketRow, TenantRange } from './tenant-days.js';
import { addedByStart, bucketNumbers, bucketOf, plainBucket, summedBucket } from './tenant-sums.js';

/** When an agent was last heard of, and its latest name with what orders names: event time, then receipt. */
export interface HeardAgent {
  readonly lastReceivedMs: number;
  readonly name: string;
  readonly namedMs: number;
  readonly nameReceivedMs: number;
}

/** Executions of an agent on the days of the standings; durations of successes as cells of `MergedDigest`. */
export interface StandingSums {
  total: number;
  successful: number;
  failed: number;
  recentSuccessful: number;
  baselineSuccessful: number;
  baselineFailed: number;
  readonly recent: Float64Array[];
  readonly baseline: Float64Array[];
}

/** What a part of the day rollup holds of a tenant. */
export interface AgentPart {
  readonly heard: Map<string, HeardAgent>;
  readonly standings: Map<string, StandingSums>;
  days: TenantBucketRow[];
}

/** Ranges of days: `standings` with the baseline, `days` for the sums of the tenant. */
export interface AgentPartsRange {
  readonly standings: AgentStandingsRange;
  readonly days: TenantRange;
}

export function agentParams({ standings, days }: AgentPartsRange): Readonly<Record<string, string>> {
  return {
    month_day: dayText(days.fromMs),
    month_end: dayText(days.toMs),
    from_day: dayText(standings.baselineDayMs),
    recent_day: dayText(standings.recentDayMs),
    ranked_day: dayText(standings.rankedDayMs),
    to_day: dayText(standings.endDayMs),
  };
}

export function newAgentPart(): AgentPart {
  return { heard: new Map(), standings: new Map(), days: [] };
}

/** Every agent is heard of in every part it has rows in: without one, branches have seen different parts. */
export function isWhole({ heard }: AgentPart): boolean {
  return heard.size > 0;
}

export function addAgentRows(part: AgentPart, rows: PartRows, range: AgentPartsRange): void {
  if (rows.kind === 'heard') addHeard(part, rows);
  else if (rows.kind === 'standing') addStandings(part, rows);
  else if (rows.kind === 'day') addDays(part, rows);
  else addRows(part, rows, range);
}

function addHeard(part: AgentPart, { keys, names, numbers }: PartRows): void {
  const told = unpacked(numbers, keys.length, 3);
  for (const [at, agent] of keys.entries()) part.heard.set(agent, heardOf(names[at] ?? '', told, 3 * at));
}

function heardOf(name: string, numbers: Float64Array, at: number): HeardAgent {
  return { lastReceivedMs: numbers[at]!, name, namedMs: numbers[at + 1]!, nameReceivedMs: numbers[at + 2]! };
}

function addStandings(part: AgentPart, { keys, numbers, states }: PartRows): void {
  const told = unpacked(numbers, keys.length, 6);
  const digests = unpackedDigests(states, 2 * keys.length);
  for (const [index, agent] of keys.entries()) {
    const at = 6 * index;
    part.standings.set(agent, {
      total: told[at]!,
      successful: told[at + 1]!,
      failed: told[at + 2]!,
      recentSuccessful: told[at + 3]!,
      baselineSuccessful: told[at + 4]!,
      baselineFailed: told[at + 5]!,
      recent: filled(digests[2 * index]!),
      baseline: filled(digests[2 * index + 1]!),
    });
  }
}

function filled(digest: Float64Array): Float64Array[] {
  return digest.length === 0 ? [] : [digest];
}

function addDays(part: AgentPart, { keys, numbers }: PartRows): void {
  const told = unpacked(numbers, keys.length, bucketNumbers);
  part.days = keys.map((startS, at) => bucketOf(Number(startS), told, bucketNumbers * at));
}

/** Rows as they are stored. */
function addRows(part: AgentPart, { keys, names, numbers, states }: PartRows, range: AgentPartsRange): void {
  const perRow = 5 + bucketNumbers;
  const told = unpacked(numbers, keys.length, perRow);
  const digests = unpackedDigests(states, keys.length);
  const days: TenantBucketRow[] = [];
  for (const [index, agent] of keys.entries()) {
    const at = perRow * index;
    const known = part.heard.get(agent);
    const heard = heardOf(names[index] ?? '', told, at + 1);
    part.heard.set(agent, known === undefined ? heard : joinedAgent(known, heard));
    const bucket = bucketOf(told[at]!, told, at + 5);
    const dayMs = bucket.start_s * 1_000;
    if (dayMs >= range.days.fromMs && dayMs < range.days.toMs) days.push(bucket);
    const digest = digests[index]!;
    const { baselineDayMs, endDayMs } = range.standings;
    if (dayMs < baselineDayMs || dayMs >= endDayMs) continue;
    addDay(standingIn(part, agent), { dayMs, bucket, total: told[at + 4]!, digest }, range.standings);
  }
  part.days = addedByStart([...part.days, ...days]);
}

interface AgentDay {
  readonly dayMs: number;
  readonly bucket: TenantBucketRow;
  readonly total: number;
  readonly digest: Float64Array;
}

function addDay(sums: StandingSums, { dayMs, bucket, total, digest }: AgentDay, range: AgentStandingsRange): void {
  if (dayMs >= range.rankedDayMs) {
    sums.total += total;
    sums.successful += bucket.successful;
    sums.failed += bucket.failed;
  }
  if (dayMs >= range.recentDayMs) {
    sums.recentSuccessful += bucket.successful;
    sums.recent.push(...filled(digest));
  } else {
    sums.baselineSuccessful += bucket.successful;
    sums.baselineFailed += bucket.failed;
    sums.baseline.push(...filled(digest));
  }
}

function standingIn(part: AgentPart, agent: string): StandingSums {
  let sums = part.standings.get(agent);
  if (sums === undefined) {
    sums = {
      total: 0,
      successful: 0,
      failed: 0,
      recentSuccessful: 0,
      baselineSuccessful: 0,
      baselineFailed: 0,
      recent: [],
      baseline: [],
    };
    part.standings.set(agent, sums);
  }
  return sums;
}

/** A part that is all of an agent. */
export function joinedAgent(a: HeardAgent, b: HeardAgent): HeardAgent {
  const lastReceivedMs = Math.max(a.lastReceivedMs, b.lastReceivedMs);
  const isLater = b.namedMs > a.namedMs || (b.namedMs === a.namedMs && b.nameReceivedMs > a.nameReceivedMs);
  const named = b.name !== '' && (a.name === '' || isLater) ? b : a;
  if (named.lastReceivedMs === lastReceivedMs) return named;
  const { name, namedMs, nameReceivedMs } = named;
  return { lastReceivedMs, name, namedMs, nameReceivedMs };
}

/** Rows of one agent and day that were not merged yet are many: what is kept of them is one digest. */
export function compactPart(part: AgentPart): AgentPart {
  for (const { recent, baseline } of part.standings.values()) {
    for (const digests of [recent, baseline])
      if (digests.length > digestsMax) digests.splice(0, Infinity, cellsOf(digests));
  }
  return part;
}

const digestsMax = 4;

function cellsOf(digests: readonly Float64Array[]): Float64Array {
  const all = new MergedDigest();
  for (const digest of digests) all.add(digest);
  return all.cells();
}

export function agentPartBytes({ heard, standings, days }: AgentPart): number {
  let bytes = 300 + heardBytes * heard.size + standingBytes * standings.size + 200 * days.length;
  for (const { recent, baseline } of standings.values()) {
    for (const digest of recent) bytes += digestBytes + 8 * digest.length;
    for (const digest of baseline) bytes += digestBytes + 8 * digest.length;
  }
  return bytes;
}

/** Of an agent, with its id, its place in the map, and as much again where parts are joined. */
const heardBytes = 500;
const standingBytes = 600;
const digestBytes = 100;

/** The last sixteen bytes of the state of a name are its order (`agent_performance_per_day_mv_v1`), if it has one. */
const namedAt = (state: string, name: string): readonly string[] => {
  const order = `reinterpret(substring(CAST(${state}, 'String'), -16), 'Int128')`;
  return [`if(${name} = '', 0, toInt64(bitShiftRight(${order}, 64)))`, `if(${name} = '', 0, toInt64(${order}))`];
};

const heardSql = `
  SELECT part, 'heard' AS kind, key, name, ${packed('last_received_ms', ...namedAt('name_state', 'name'))} AS numbers,
    '' AS state
  FROM (
    SELECT
      _part AS part,
      toString(agent_id) AS key,
      toUnixTimestamp64Milli(max(agent_day.last_received)) AS last_received_ms,
      argMaxMergeState(agent_day.agent_name) AS name_state,
      finalizeAggregation(name_state) AS name
    FROM agent_performance_per_day_v1 AS agent_day
    WHERE ${ofUnknownParts}
    GROUP BY _part, agent_id
  )`;

const mergedDigest = (condition: string): string => `CAST(
  quantilesTDigestMergeStateIf(0.5, 0.95, 0.99)(agent_day.successful_duration_digest, ${condition}), 'String')`;

const standingSql = `
  SELECT
    _part AS part, 'standing' AS kind, toString(agent_id) AS key, '' AS name,
    ${packed(
      'sumIf(agent_day.total, day >= {ranked_day:Date})',
      'sumIf(agent_day.successful, day >= {ranked_day:Date})',
      'sumIf(agent_day.failed, day >= {ranked_day:Date})',
      'sumIf(agent_day.successful, day >= {recent_day:Date})',
      'sumIf(agent_day.successful, day < {recent_day:Date})',
      'sumIf(agent_day.failed, day < {recent_day:Date})',
    )} AS numbers,
    concat(${mergedDigest('day >= {recent_day:Date}')}, ${mergedDigest('day < {recent_day:Date}')}) AS state
  FROM agent_performance_per_day_v1 AS agent_day
  WHERE ${ofUnknownParts} AND day >= {from_day:Date} AND day < {to_day:Date}
  GROUP BY _part, agent_id`;

const startS = "toUnixTimestamp(toDateTime(day, 'UTC'))";

const daySql = `
  SELECT
    _part AS part, 'day' AS kind, toString(${startS}) AS key, '' AS name, ${packed(...summedBucket)} AS numbers,
    '' AS state
  FROM agent_performance_per_day_v1 AS bucket
  WHERE ${ofUnknownParts} AND day >= {month_day:Date} AND day < {month_end:Date}
  GROUP BY _part, day`;

/**
 * Of many rows, added up by the engine: agents and their names of all days, standings and digests of the last nine,
 * sums of the last thirty. Digests are read of whole granules, whatever the day, so each has a branch of its own. All
 * branches see the same parts, as the engine gives one statement one snapshot
 * (`enable_shared_storage_snapshot_in_query`); where it does not, the read is taken for torn.
 */
export const agentSumsSql: readonly string[] = [heardSql, standingSql, daySql];

/** Of few rows, as they are stored: a fifth of the planning. */
export const agentRowsSql: readonly string[] = [
  `
    SELECT
      _part AS part, 'agent day' AS kind, toString(agent_id) AS key, finalizeAggregation(bucket.agent_name) AS name,
      ${packed(
        startS,
        'toUnixTimestamp64Milli(bucket.last_received)',
        ...namedAt('bucket.agent_name', 'name'),
        'bucket.total',
        ...plainBucket,
      )} AS numbers,
      CAST(bucket.successful_duration_digest, 'String') AS state
    FROM agent_performance_per_day_v1 AS bucket
    WHERE ${ofUnknownParts}`,
];
