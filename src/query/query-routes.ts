import type { HttpRoute } from '../core/ports.js';
import { createAgentListRoute } from './agent-list.js';
import { createAgentLiveRoute } from './agent-live.js';
import { createAgentMetricsRoutes } from './agent-metrics.js';
import { createEventSchemaRoute } from './event-schema.js';
import { createHealthRoutes } from './health.js';
import { createMetricsPageRoute } from './metrics-page.js';
import { defaultQueryOptions, type QueryContext, type QueryDependencies, type QueryOptions } from './query-context.js';
import { createTaskDetailRoute } from './task-detail.js';
import { createTaskListRoute } from './task-list.js';

/** Every route of the read API. Handlers throw `CollectorError`; the server answers it as problem details. */
export function createQueryRoutes(
  dependencies: QueryDependencies,
  options: Partial<QueryOptions> = {},
): readonly HttpRoute[] {
  const context: QueryContext = { ...dependencies, options: { ...defaultQueryOptions, ...options } };
  return [
    createAgentListRoute(context),
    createAgentLiveRoute(context),
    ...createAgentMetricsRoutes(context),
    createTaskListRoute(context),
    createTaskDetailRoute(context),
    ...createHealthRoutes(context),
    createMetricsPageRoute(context),
    createEventSchemaRoute(),
  ];
}
