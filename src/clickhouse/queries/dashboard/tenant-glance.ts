import type { ReadMemory } from '../../../core/ports/read-memory.js';
import type { StoreReader } from '../../../core/ports/store-reader.js';
import { hourMs, type TimeSpan } from '../../../core/time-span.js';
import { dayText } from '../../../core/time-text.js';
import { compareTexts } from '../sql/text-order.js';
import { readAgentNames } from './agent-names.js';
import { type AgentPart, agentPartBytes, type HeardAgent } from './agent-parts.js';
import { type AgentRegisterRow, readAgentRegister } from './agent-register.js';
import { type AgentStandingRow, type AgentStandingsRange, readAgentStandings } from './agent-standings.js';
import { GlanceReading } from './glance-reading.js';
import {
  type AgentOutcomes,
  edgeHoursOf,
  hoursOf,
  type MinutePart,
  minutePartBytes,
  outcomesOf,
} from './minute-parts.js';
import { joinedAgents, type RememberedAgents } from './remembered-agents.js';
import { readTenantDays, type TenantBucketRow } from './tenant-days.js';
import { type FailingAgentRow, type FailingAgents, readTenantMinutes } from './tenant-minutes.js';

export interface GlanceRange {
  readonly tenant: string;
  /** Whole minutes, up to and with the current one: hours and failing agents are of these. */
  readonly day: TimeSpan;
  /** Whole UTC days; agents are counted as active by when these and `day` begin. */
  readonly week: TimeSpan;
  readonly month: TimeSpan;
  readonly failing: FailingAgents;
  readonly standings: Omit<AgentStandingsRange, 'tenant'>;
}

/** A tenant as its dashboard shows it. */
export interface TenantGlance {
  readonly register: AgentRegisterRow;
  readonly hours: readonly TenantBucketRow[];
  readonly failing: readonly FailingAgentRow[];
  readonly days: readonly TenantBucketRow[];
  readonly standings: readonly AgentStandingRow[];
  /** Latest names of some agents. */
  names(agentIds: readonly string[]): Promise<ReadonlyMap<string, string | null>>;
}

/**
 * From what is remembered of the parts of both rollups, so that after an insert only what it wrote is read; where
 * nothing can be known of parts, or they hold more than is remembered, by statements that add up in the engine.
 */
export async function readTenantGlance(store: StoreReader, range: GlanceRange): Promise<TenantGlance> {
  const { memory } = store;
  const remembered = memory ? await readRemembered(store, memory, range) : null;
  return remembered ?? (await readStated(store, range));
}

/**
 * Reads what a glance needs before somebody asks for it. False: nothing is remembered of it, as it cannot be known of
 * its parts, or they are too much.
 */
export async function readGlanceAhead(store: StoreReader, range: GlanceRange): Promise<boolean> {
  const { memory } = store;
  return memory ? (await rememberedParts(store, memory, range, { onlyHeld: false })) !== null : false;
}

/** Four reads side by side, the dearest first. */
async function readStated(store: StoreReader, range: GlanceRange): Promise<TenantGlance> {
  const { tenant, day, week, month } = range;
  const [minutes, standings, days, register] = await Promise.all([
    readTenantMinutes(store, { tenant, ...day }, range.failing),
    readAgentStandings(store, { tenant, ...range.standings }),
    readTenantDays(store, { tenant, ...month }),
    readAgentRegister(store, {
      tenant,
      dayFromMs: day.fromMs,
      weekFromMs: week.fromMs,
      monthFromMs: month.fromMs,
    }),
  ]);
  return { register, ...minutes, days, standings, names: (agentIds) => readAgentNames(store, { tenant, agentIds }) };
}

async function readRemembered(
  store: StoreReader,
  memory: ReadMemory,
  range: GlanceRange,
): Promise<TenantGlance | null> {
  const parts = await rememberedParts(store, memory, range, { onlyHeld: false });
  if (parts === null) return null;
  const { agents, minutes } = parts;
  const { day, failing } = range;
  return {
    register: registerOf(agents.heard, range),
    hours: hoursOf(minutes, day),
    failing: failingOf(outcomesOf(minutes, day), agents.baselines, failing),
    days: agents.days,
    standings: agents.standings,
    names: (agentIds) => Promise.resolve(new Map(agentIds.map((agent) => [agent, nameOf(agents.heard.get(agent))]))),
  };
}

async function rememberedParts(
  store: StoreReader,
  memory: ReadMemory,
  range: GlanceRange,
  { onlyHeld }: { readonly onlyHeld: boolean },
) {
  const { tenant, day, month } = range;
  const standings = { tenant, ...range.standings };
  const edges = edgeHoursOf(day);
  const together = JSON.stringify(['tenant', tenant]);
  const reading = new GlanceReading(store, tenant);
  const [agents, minutes] = await Promise.all([
    memory.parts<AgentPart, RememberedAgents>({
      table: 'agent_performance_per_day_v1',
      key: JSON.stringify(['tenant agents', tenant]),
      range: dayText(standings.endDayMs),
      together,
      onlyHeld,
      days: null,
      read: (unknown) => reading.agents({ standings, days: { tenant, ...month } }, unknown),
      join: (parts, before) => joinedAgents(parts, before, standings),
      bytesOf: agentPartBytes,
    }),
    memory.parts<MinutePart, readonly MinutePart[]>({
      table: 'agent_performance_per_minute_v1',
      key: JSON.stringify(['tenant hours', tenant]),
      range: JSON.stringify(edges),
      together,
      onlyHeld,
      days: { fromMs: edges.firstMs, toMs: edges.lastMs + hourMs },
      read: (unknown) => reading.minutes(edges, unknown),
      join: (parts) => parts,
      bytesOf: minutePartBytes,
    }),
  ]);
  return agents === null || minutes === null ? null : { agents, minutes };
}

/** An agent as it is listed, with its executions of the last 24 hours. */
interface ListedAgent extends Readonly<AgentOutcomes> {
  readonly agent_id: string;
  readonly agent_name: string | null;
  readonly last_received_ms: number;
}

/** A page of agents as `readAgentPage` and `readAgentActivity` tell them, where a dashboard has been remembered. */
export async function readRememberedPage(
  store: StoreReader,
  range: GlanceRange,
  { afterAgentId, limit }: { readonly afterAgentId: string; readonly limit: number },
): Promise<readonly ListedAgent[] | null> {
  const { memory } = store;
  const parts = memory ? await rememberedParts(store, memory, range, { onlyHeld: true }) : null;
  if (parts === null) return null;
  const { heard } = parts.agents;
  const outcomes = outcomesOf(parts.minutes, range.day);
  const later = [...heard.keys()].filter((agent) => compareTexts(agent, afterAgentId) > 0).sort(compareTexts);
  return later.slice(0, limit).map((agent) => {
    const known = heard.get(agent);
    return {
      agent_id: agent,
      agent_name: nameOf(known),
      last_received_ms: known?.lastReceivedMs ?? 0,
      ...(outcomes.get(agent) ?? { total: 0, successful: 0, failed: 0 }),
    };
  });
}

function nameOf(agent: HeardAgent | undefined): string | null {
  return agent === undefined || agent.name === '' ? null : agent.name;
}

function registerOf(heard: ReadonlyMap<string, HeardAgent>, { day, week, month }: GlanceRange): AgentRegisterRow {
  const register = { total_agents: heard.size, active_24h: 0, active_7d: 0, active_30d: 0, newest_received_ms: 0 };
  for (const { lastReceivedMs } of heard.values()) {
    if (lastReceivedMs >= day.fromMs) register.active_24h += 1;
    if (lastReceivedMs >= week.fromMs) register.active_7d += 1;
    if (lastReceivedMs >= month.fromMs) register.active_30d += 1;
    if (lastReceivedMs > register.newest_received_ms) register.newest_received_ms = lastReceivedMs;
  }
  return register;
}

/** By the rules and in the order of the statement of `readTenantMinutes`. */
function failingOf(
  outcomes: ReadonlyMap<string, AgentOutcomes>,
  baselines: RememberedAgents['baselines'],
  asked: FailingAgents,
): FailingAgentRow[] {
  const found: FailingAgentRow[] = [];
  for (const [agent, { successful, failed }] of outcomes) {
    const finished = successful + failed;
    if (finished < asked.finishedMin) continue;
    const rate = (100 * failed) / finished;
    const baseline = baselines.get(agent) ?? { successful: 0, failed: 0 };
    const baselineFinished = baseline.successful + baseline.failed;
    const isRising =
      baselineFinished >= asked.baselineFinishedMin &&
      rate - (100 * baseline.failed) / baselineFinished >= asked.risePointsMin - 1e-6;
    if (rate < asked.errorRateMin && !isRising) continue;
    found.push({
      agent_id: agent,
      successful,
      failed,
      baseline_successful: baseline.successful,
      baseline_failed: baseline.failed,
    });
  }
  found.sort((a, b) => b.failed - a.failed || compareTexts(a.agent_id, b.agent_id));
  return found.slice(0, asked.agentsMax + 1);
}
