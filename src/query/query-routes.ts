import type { HttpRoute } from '../core/ports.js';
import { createAgentErrorsRoute } from './agent-errors.js';
import { createAgentExecutionsRoute } from './agent-executions.js';
import { createAgentListRoute } from './agent-list.js';
import { createAgentLiveRoute } from './agent-live.js';
import { createAgentMemoryRoute } from './agent-memory.js';
import { createAgentMetricsRoutes } from './agent-metrics.js';
import { createAgentSeriesRoute } from './agent-series.js';
import { createRouteCache } from './cached-route.js';
import { countFailures } from './counted-route.js';
import { createDashboardRoutes } from './dashboard.js';
import { createDayFinalizationRoutes } from './day-finalization.js';
import { createEndpointsRoute } from './endpoints.js';
import { createEngagementPerformanceRoute } from './engagement-performance.js';
import { createErasureRoutes } from './erasure.js';
import { createEventSchemaRoute } from './event-schema.js';
import { createExecutionLogsRoute } from './execution-logs.js';
import { createFailureBreakdownRoute } from './failure-breakdown.js';
import { createFailureListRoute } from './failure-list.js';
import { createFlowListRoute } from './flow-list.js';
import { createHealthRoutes } from './health.js';
import { createMetricsExportRoute } from './metrics-export.js';
import { createMetricsPageRoute } from './metrics-page.js';
import { createPatternDetailRoute } from './pattern-detail.js';
import { createPatternFeedbackRoute } from './pattern-feedback.js';
import { createPatternListRoute } from './pattern-list.js';
import { defaultQueryOptions, type QueryContext, type QueryDependencies, type QueryOptions } from './query-context.js';
import { createRunDetailRoute } from './run-detail.js';
import { createRunListRoute } from './run-list.js';
import { createRunTimelineRoute } from './run-timeline.js';
import { createStorageRoute } from './storage.js';
import { createTaskDetailRoute } from './task-detail.js';
import { createTaskListRoute } from './task-list.js';
import { TenantRequests } from './tenant-requests.js';
import { refusingUsers } from './user-bound.js';

/**
 * Every route of the read API; `cached` are those that read the store and answer JSON to a GET. Handlers throw
 * `CollectorError`; the server answers it as problem details.
 */
export function createQueryRoutes(
  dependencies: QueryDependencies,
  options: Partial<QueryOptions> = {},
): readonly HttpRoute[] {
  const context: QueryContext = { ...dependencies, options: { ...defaultQueryOptions, ...options } };
  const cached = createRouteCache(context);
  const routes = [
    cached(createAgentListRoute(context)),
    cached(createAgentErrorsRoute(context)),
    createAgentLiveRoute(context),
    ...createAgentMetricsRoutes(context).map(cached),
    cached(createAgentSeriesRoute(context)),
    ...createDashboardRoutes(context).map(cached),
    cached(createTaskListRoute(context)),
    cached(createRunListRoute(context)),
    cached(createFlowListRoute(context)),
    cached(createEngagementPerformanceRoute(context)),
    cached(createAgentExecutionsRoute(context)),
    cached(createTaskDetailRoute(context)),
    cached(createRunDetailRoute(context)),
    cached(createRunTimelineRoute(context)),
    cached(createExecutionLogsRoute(context)),
    cached(createFailureListRoute(context)),
    cached(createFailureBreakdownRoute(context)),
    cached(createPatternListRoute(context)),
    cached(createPatternDetailRoute(context)),
    createPatternFeedbackRoute(context),
    cached(createAgentMemoryRoute(context)),
    ...createDayFinalizationRoutes(context),
    ...createErasureRoutes(context),
    cached(createStorageRoute(context)),
    ...createHealthRoutes(context),
    createMetricsExportRoute(context),
    createMetricsPageRoute(context),
    createEndpointsRoute(context),
    createEventSchemaRoute(),
  ];
  const requests = new TenantRequests({ requestsMax: context.options.tenantRequestsMax });
  return routes.map((route) => countFailures(requests.bound(refusingUsers(route)), context.instruments));
}
