import { z } from 'zod';
import { readRememberedPage, readTenantGlance } from '../../clickhouse/queries/dashboard/tenant-glance.js';
import type { HttpRoute } from '../../core/ports/http-route.js';
import type { StoreReader } from '../../core/ports/store-reader.js';
import { type ApiContext, jsonReply, readWithin } from '../request/api-context.js';
import { parseParameters } from '../request/parameters.js';
import { agentIssues } from './agent-issues.js';
import { type DashboardRows, dashboardAnswer } from './dashboard-answer.js';
import { type DashboardRanges, dashboardRanges } from './dashboard-ranges.js';
import { dashboardSchema } from './dashboard-schema.js';
import { failingAgentsMax, glanceRange, slowAgentsMax, topPerformingMax } from './glance-range.js';

const parameters = z.strictObject({});

/** Agents with issues that one answer lists; it says how many there are. */
const issuesListedMax = 50;

/** `GET /api/v1/metrics/dashboard`, and the same under the path of the studio it replaces: a tenant at a glance. */
export function createDashboardRoutes(context: ApiContext): HttpRoute[] {
  const handle: HttpRoute['handle'] = (request, { tenant }) => {
    parseParameters(parameters, request.query);
    context.dashboards?.asked(tenant);
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

/** A page of agents of what is remembered for a dashboard; null where nothing is. */
export function readListedAgents(
  store: StoreReader,
  page: { readonly tenant: string; readonly afterAgentId: string; readonly limit: number },
  nowMs: number,
) {
  return readRememberedPage(store, glanceRange(page.tenant, dashboardRanges(nowMs)), page);
}

async function readDashboard(store: StoreReader, tenant: string, ranges: DashboardRanges): Promise<DashboardRows> {
  const glance = await readTenantGlance(store, glanceRange(tenant, ranges));
  const { register, hours, days, failing, standings, names } = glance;
  const top = standings.filter(({ place, bound }) => place <= topPerformingMax && bound > 0);
  const slow = standings.filter(({ is_slow }) => is_slow === 1);
  const issues = agentIssues(
    { failing: failing.slice(0, failingAgentsMax), slow: slow.slice(0, slowAgentsMax) },
    ranges,
  );
  const listed = issues.slice(0, issuesListedMax);
  const agentIds = [...new Set([...top.map((row) => row.agent_id), ...listed.map(({ agentId }) => agentId)])];
  return {
    register,
    hours,
    days,
    top: top.sort((a, b) => a.place - b.place),
    issues: {
      total: issues.length,
      complete: slow.length <= slowAgentsMax && failing.length <= failingAgentsMax,
      listed,
    },
    names: await names(agentIds),
  };
}
