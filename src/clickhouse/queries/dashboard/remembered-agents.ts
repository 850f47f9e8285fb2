import { turnOfOthers } from '../../../core/turn-of-others.js';
import { MergedDigest, weightsFrom } from '../sql/merged-digest.js';
import { compareTexts } from '../sql/text-order.js';
import { type AgentPart, type HeardAgent, joinedAgent, type StandingSums } from './agent-parts.js';
import type { AgentStandingRow, AgentStandingsRange } from './agent-standings.js';
import type { TenantBucketRow } from './tenant-days.js';
import { addedByStart } from './tenant-sums.js';

/** The agents of a tenant, from all parts of the day rollup together. */
export interface RememberedAgents {
  readonly heard: ReadonlyMap<string, HeardAgent>;
  readonly days: readonly TenantBucketRow[];
  /** As `readAgentStandings` answers. */
  readonly standings: readonly AgentStandingRow[];
  /** Of the days of the baseline. */
  readonly baselines: ReadonlyMap<string, BaselineCounts>;
  readonly slowness: BaselineLevels;
}

interface BaselineCounts {
  readonly successful: number;
  readonly failed: number;
}

/** p95 of the successes of the baseline, by agent, made of these parts: finished days seldom change. */
interface BaselineLevels {
  readonly parts: readonly AgentPart[];
  readonly levels: Map<string, number>;
}

/** Agents whose digests are merged before the event loop gets a turn: one takes up to 50 us. */
const agentsPerTurn = 32;

/** Merging the digests of thousands of agents would hold up acknowledgements: others get a turn now and then. */
export async function joinedAgents(
  parts: readonly AgentPart[],
  before: RememberedAgents | null,
  range: AgentStandingsRange,
): Promise<RememberedAgents> {
  const sums = joinedSums(parts);
  await turnOfOthers();
  const heard = joinedHeard(parts);
  const slowness = baselineLevels(parts, before?.slowness ?? null);
  return {
    heard,
    days: addedByStart(parts.flatMap(({ days }) => days)),
    standings: await standingsOf(sums, slowness.levels, range),
    baselines: new Map(
      [...sums].map(([agent, of]) => [agent, { successful: of.baselineSuccessful, failed: of.baselineFailed }]),
    ),
    slowness,
  };
}

function joinedHeard(parts: readonly AgentPart[]): Map<string, HeardAgent> {
  const all = new Map<string, HeardAgent>();
  for (const { heard } of parts) {
    for (const [agent, later] of heard) {
      const known = all.get(agent);
      all.set(agent, known === undefined ? later : joinedAgent(known, later));
    }
  }
  return all;
}

function joinedSums(parts: readonly AgentPart[]): Map<string, StandingSums> {
  const all = new Map<string, StandingSums>();
  for (const { standings } of parts) {
    for (const [agent, part] of standings) {
      const sums = all.get(agent);
      all.set(agent, sums === undefined ? part : addedSums(sums, part));
    }
  }
  return all;
}

function addedSums(a: StandingSums, b: StandingSums): StandingSums {
  return {
    total: a.total + b.total,
    successful: a.successful + b.successful,
    failed: a.failed + b.failed,
    recentSuccessful: a.recentSuccessful + b.recentSuccessful,
    baselineSuccessful: a.baselineSuccessful + b.baselineSuccessful,
    baselineFailed: a.baselineFailed + b.baselineFailed,
    recent: b.recent.length === 0 ? a.recent : [...a.recent, ...b.recent],
    baseline: b.baseline.length === 0 ? a.baseline : [...a.baseline, ...b.baseline],
  };
}

function baselineLevels(parts: readonly AgentPart[], before: BaselineLevels | null): BaselineLevels {
  const own = parts.filter(({ standings }) => [...standings.values()].some(({ baseline }) => baseline.length > 0));
  const isSame = before?.parts.length === own.length && own.every((part, at) => part === before.parts[at]);
  return before !== null && isSame ? before : { parts: own, levels: new Map() };
}

const levels = [0.5, 0.95, 0.99];
const merging = new MergedDigest();

function mergedOf(digests: readonly Float64Array[]): MergedDigest {
  merging.clear();
  for (const digest of digests) merging.add(digest);
  return merging;
}

function p95Of(digests: readonly Float64Array[]): number {
  return mergedOf(digests).quantiles(levels)[1] ?? Number.NaN;
}

interface Standing {
  readonly agent: string;
  readonly of: StandingSums;
  readonly finished: number;
  readonly bound: number;
  /** Null: it is not slow. */
  readonly ratio: number | null;
  place: number;
}

/** By the rules and in the order of the statement of `readAgentStandings`. */
async function standingsOf(
  sums: ReadonlyMap<string, StandingSums>,
  baselines: Map<string, number>,
  { ranking, slowness }: AgentStandingsRange,
): Promise<AgentStandingRow[]> {
  const all: Standing[] = [];
  let agents = 0;
  for (const [agent, of] of sums) {
    agents += 1;
    if (agents % agentsPerTurn === 0) await turnOfOthers();
    const finished = of.successful + of.failed;
    const bound =
      finished < Math.max(ranking.finishedMin, 1) ? -1 : lowerBound(of.successful, finished, ranking.zScore);
    const ratio = slowRatio(agent, of, baselines, slowness);
    if (bound >= 0 || ratio !== null) all.push({ agent, of, finished, bound, ratio, place: 0 });
  }
  all.sort((a, b) => b.bound - a.bound || b.finished - a.finished || compareTexts(a.agent, b.agent));
  for (const [index, standing] of all.entries()) standing.place = index + 1;
  const isLate = ({ place }: Standing) => Number(place > ranking.placesMax);
  return all
    .filter(({ place, bound, ratio }) => (place <= ranking.placesMax && bound >= 0) || ratio !== null)
    .sort((a, b) => isLate(a) - isLate(b) || (b.ratio ?? 0) - (a.ratio ?? 0) || a.place - b.place)
    .slice(0, ranking.placesMax + slowness.agentsMax + 1)
    .map(rowOf);
}

function rowOf({ agent, of, bound, ratio, place }: Standing): AgentStandingRow {
  const digestOf = (digests: readonly Float64Array[]) => (ratio === null ? none : mergedOf(digests).centroids());
  return {
    agent_id: agent,
    place,
    is_slow: ratio === null ? 0 : 1,
    total: of.total,
    successful: of.successful,
    failed: of.failed,
    bound,
    recent_digest: digestOf(of.recent),
    baseline_digest: digestOf(of.baseline),
  };
}

const none = new Float64Array();

/** Of the Wilson interval (`readAgentStandings`). */
function lowerBound(successful: number, finished: number, z: number): number {
  const share = successful / finished;
  const spread = z * Math.sqrt((share * (1 - share)) / finished + (z * z) / (4 * finished * finished));
  return (share + (z * z) / (2 * finished) - spread) / (1 + (z * z) / finished);
}

/**
 * The p95 of the recent successes as a multiple of the baseline's where that is slow, else null. Most agents need no
 * digest merged: a p95 at the bound or above has about a twentieth of the values there, less what the centroid next to
 * it may weigh, which is below a 200th of all.
 */
function slowRatio(
  agent: string,
  sums: StandingSums,
  baselines: Map<string, number>,
  { recentMin, baselineMin, ratioMin }: AgentStandingsRange['slowness'],
): number | null {
  if (sums.recentSuccessful < recentMin || sums.baselineSuccessful < baselineMin) return null;
  const before = baselines.get(agent) ?? p95Of(sums.baseline);
  baselines.set(agent, before);
  const { all, above } = weightsFrom(sums.recent, ratioMin * before * boundTolerance);
  if (above < 0.045 * all - 1) return null;
  const ratio = p95Of(sums.recent) / before;
  return ratio >= ratioMin ? ratio : null;
}

/** Means are of single precision. */
const boundTolerance = 0.999;
