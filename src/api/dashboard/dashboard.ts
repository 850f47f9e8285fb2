import { z } from 'zod';
import { readAgentNames } from '../../clickhouse/queries/dashboard/agent-names.js';
import { readAgentRegister } from '../../clickhouse/queries/dashboard/agent-register.js';
import { readAgentStandings } from '../../clickhouse/queries/dashboard/agent-standings.js';
import { readTenantDays } from '../../clickhouse/queries/dashboard/tenant-days.js';
import { readTenantMinutes } from '../../clickhouse/queries/dashboard/tenant-minutes.js';
import type { HttpRoute } from '../../core/ports/http-route.js';
import type { StoreReader } from '../../core/ports/store-reader.js';
import { type ApiContext, jsonReply, readWithin } from '../request/api-context.js';
import { parseParameters } from '../request/parameters.js';
import {
  agentIssues,
  baselineDurationsMin,
  baselineFinishedMin,
  errorRateMax,
  errorRatePointsMin,
  p95RatioMin,
  recentDurationsMin,
  recentFinishedMin,
} from './agent-issues.js';
import { type DashboardRows, dashboardAnswer } from './dashboard-answer.js';
import { type DashboardRanges, dashboardRanges, topPerformingFinishedMin } from './dashboard-ranges.js';
import { dashboardSchema } from './dashboard-schema.js';

const parameters = z.strictObject({});

const topPerformingMax = 10;
/** Standard errors of a 95 % interval. */
const wilsonZScore = 1.959963984540054;
/** Agents tested for each kind of issue: those that fail most, and those that slowed down most. */
const failingAgentsMax = 500;
const slowAgentsMax = 200;
/** Agents with issues that one answer lists; it says how many there are. */
const issuesListedMax = 50;

/** `GET /api/v1/metrics/dashboard`, and the same under the path of the studio it replaces: a tenant at a glance. */
export function createDashboardRoutes(context: ApiContext): HttpRoute[] {
  const handle: HttpRoute['handle'] = (request, { tenant }) => {
    parseParameters(parameters, request.query);
    const nowMs = context.clock.nowMs();
    const ranges = dashboardRanges(nowMs);
    return readWithin(context, request, async (store) =>
      jsonReply(dashboardAnswer(await readDashboard(store, tenant, ranges), ranges, nowMs)),
    );
  };
  const operation = {
    tag: 'metrics',
    summary: 'A tenant at a glance: agents, executions, who does well, who has issues, and why',
    query: parameters,
    answer: { kind: 'json', schema: dashboardSchema },
  } as const;
  const route = { method: 'GET', scope: 'read', handle } as const;
  return [
    { ...route, path: '/api/v1/metrics/dashboard', operation: { id: 'getDashboard', ...operation } },
    {
      ...route,
      path: '/api/v1/agent-studio/metrics/dashboard',
      operation: { id: 'getStudioDashboard', ...operation },
    },
  ];
}

/** Four reads side by side, the dearest first, then the names of the few agents that are listed. */
async function readDashboard(store: StoreReader, tenant: string, ranges: DashboardRanges): Promise<DashboardRows> {
  const [minutes, standings, days, register] = await Promise.all([
    readTenantMinutes(
      store,
      { tenant, ...ranges.day },
      {
        baseline: ranges.baseline,
        finishedMin: recentFinishedMin,
        baselineFinishedMin,
        errorRateMin: errorRateMax,
        risePointsMin: errorRatePointsMin,
        agentsMax: failingAgentsMax,
      },
    ),
    readAgentStandings(store, {
      tenant,
      baselineDayMs: ranges.baseline.fromMs,
      recentDayMs: ranges.recent.fromMs,
      rankedDayMs: ranges.week.fromMs,
      endDayMs: ranges.week.toMs,
      ranking: { finishedMin: topPerformingFinishedMin, placesMax: topPerformingMax, zScore: wilsonZScore },
      slowness: {
        recentMin: recentDurationsMin,
        baselineMin: baselineDurationsMin,
        ratioMin: p95RatioMin,
        agentsMax: slowAgentsMax,
      },
    }),
    readTenantDays(store, { tenant, ...ranges.month }),
    readAgentRegister(store, {
      tenant,
      dayFromMs: ranges.day.fromMs,
      weekFromMs: ranges.week.fromMs,
      monthFromMs: ranges.month.fromMs,
    }),
  ]);
  const top = standings.filter(({ place, bound }) => place <= topPerformingMax && bound > 0);
  const slow = standings.filter(({ is_slow }) => is_slow === 1);
  const issues = agentIssues(
    { failing: minutes.failing.slice(0, failingAgentsMax), slow: slow.slice(0, slowAgentsMax) },
    ranges,
  );
  const listed = issues.slice(0, issuesListedMax);
  const agentIds = [...new Set([...top.map((row) => row.agent_id), ...listed.map(({ agentId }) => agentId)])];
  return {
    register,
    hours: minutes.hours,
    days,
    top: top.sort((a, b) => a.place - b.place),
    issues: {
      total: issues.length,
      complete: slow.length <= slowAgentsMax && minutes.failing.length <= failingAgentsMax,
      listed,
    },
    names: await readAgentNames(store, { tenant, agentIds }),
  };
}
