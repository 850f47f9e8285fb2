import type { HttpRoute } from '../core/ports/http-route.js';
import { createAgentBreakdownRoute } from './agents/agent-breakdown.js';
import { createAgentErrorsRoute } from './agents/agent-errors.js';
import { createAgentListRoute } from './agents/agent-list.js';
import { createAgentLiveRoute } from './agents/agent-live.js';
import { createAgentMemoryRoute } from './agents/agent-memory.js';
import { createAgentMetricsRoutes } from './agents/agent-metrics.js';
import { createAgentSeriesRoute } from './agents/agent-series.js';
import { createMetricsExportRoute } from './agents/metrics-export.js';
import { createDashboardRoutes, readListedAgents } from './dashboard/dashboard.js';
import { createEngagementPerformanceRoute } from './engagements/engagement-performance.js';
import { createFailureBreakdownRoute } from './failures/failure-breakdown.js';
import { createFailureListRoute } from './failures/failure-list.js';
import { createAuditRoute } from './operations/audit.js';
import { auditedRoute } from './operations/audited-route.js';
import { createDayFinalizationRoutes } from './operations/day-finalization.js';
import { createEndpointsRoute } from './operations/endpoints.js';
import { createErasureRoutes } from './operations/erasure.js';
import { createEventSchemaRoute } from './operations/event-schema.js';
import { createHealthRoutes } from './operations/health.js';
import { createKeyRoutes } from './operations/keys.js';
import { createMetricsPageRoute } from './operations/metrics-page.js';
import { createSnapshotRoutes } from './operations/snapshots.js';
import { createStorageRoute } from './operations/storage.js';
import { createWhoamiRoute } from './operations/whoami.js';
import { createPatternDetailRoute } from './patterns/pattern-detail.js';
import { createPatternFeedbackRoute } from './patterns/pattern-feedback.js';
import { createPatternListRoute } from './patterns/pattern-list.js';
import {
  type ApiContext,
  type ApiDependencies,
  type ApiOptions,
  type ApiSettings,
  probeLimits,
} from './request/api-context.js';
import { countFailures } from './request/counted-route.js';
import { TenantRequests } from './request/tenant-requests.js';
import { createAgentHistoryRoute } from './runs/agent-history.js';
import { createFlowListRoute } from './runs/flow-list.js';
import { createRunDetailRoute } from './runs/run-detail.js';
import { createRunListRoute } from './runs/run-list.js';
import { createRunLogsRoute } from './runs/run-logs.js';
import { createRunTimelineRoute } from './runs/run-timeline.js';
import { createRouteCache } from './sharing/cached-route.js';
import { createTaskDetailRoute } from './tasks/task-detail.js';
import { createTaskListRoute } from './tasks/task-list.js';
import { refusingUsers } from './work/user-bound.js';

/**
 * Every route of the read API; `cached` are those that read the store and answer JSON to a GET. Handlers throw
 * `CollectorError`; the server answers it as problem details.
 */
export function createApiRoutes(
  dependencies: ApiDependencies,
  options: ApiSettings & Partial<ApiOptions>,
): readonly HttpRoute[] {
  const context: ApiContext = { ...dependencies, options: { ...probeLimits, ...options } };
  const cached = createRouteCache(context);
  const routes = [
    cached(createAgentListRoute(context, readListedAgents)),
    cached(createAgentErrorsRoute(context)),
    cached(createAgentBreakdownRoute(context)),
    createAgentLiveRoute(context),
    ...createAgentMetricsRoutes(context).map(cached),
    cached(createAgentSeriesRoute(context)),
    ...createDashboardRoutes(context).map(cached),
    cached(createTaskListRoute(context)),
    cached(createRunListRoute(context)),
    cached(createFlowListRoute(context)),
    cached(createEngagementPerformanceRoute(context)),
    cached(createAgentHistoryRoute(context)),
    cached(createTaskDetailRoute(context)),
    cached(createRunDetailRoute(context)),
    cached(createRunTimelineRoute(context)),
    cached(createRunLogsRoute(context)),
    cached(createFailureListRoute(context)),
    cached(createFailureBreakdownRoute(context)),
    cached(createPatternListRoute(context)),
    cached(createPatternDetailRoute(context)),
    createPatternFeedbackRoute(context),
    cached(createAgentMemoryRoute(context)),
    ...createDayFinalizationRoutes(context),
    ...createErasureRoutes(context),
    ...createKeyRoutes(context),
    createAuditRoute(context),
    ...createSnapshotRoutes(context),
    cached(createStorageRoute(context)),
    ...createHealthRoutes(context),
    createMetricsExportRoute(context),
    createMetricsPageRoute(context),
    createWhoamiRoute(),
    createEndpointsRoute(context),
    createEventSchemaRoute(),
  ];
  const requests = new TenantRequests({ requestsMax: context.options.tenantRequestsMax });
  return routes.map((route) =>
    countFailures(requests.bound(refusingUsers(auditedRoute(route, context.audit))), context.instruments),
  );
}
