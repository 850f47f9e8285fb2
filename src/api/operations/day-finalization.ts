import { z } from 'zod';
import {
  type DayFinalizationRow,
  readDayFinalizations,
} from '../../clickhouse/queries/operations/day-finalizations.js';
import type { HttpRoute } from '../../core/ports/http-route.js';
import { RequestProblem } from '../../core/problem.js';
import { dayText, instant } from '../../core/time-text.js';
import { countSchema, instantSchema, optionalTextSchema } from '../answers/answer-schema.js';
import { type ApiContext, jsonReply, readWithin } from '../request/api-context.js';
import { idParameter, integerParameter, parseParameters } from '../request/parameters.js';
import { dayParameter } from '../request/time-parameters.js';

/**
 * `POST /api/v1/maintenance/days/{day}`: recomputes a finished day of the key's tenant, or one agent of it, now.
 * `GET /api/v1/maintenance/days`: the latest finalizations that looked at this tenant.
 */
export function createDayFinalizationRoutes(context: ApiContext): HttpRoute[] {
  return [createFinalizeRoute(context), createFinalizationsRoute(context)];
}

const finalizeParameters = z.strictObject({ agent_id: idParameter.optional() });

const reportShape = {
  day: z.iso.date(),
  agent_id: optionalTextSchema,
  agents: countSchema,
  events: countSchema,
  agents_repaired: countSchema,
  took_ms: countSchema,
};

function createFinalizeRoute({ finalizer }: ApiContext): HttpRoute {
  return {
    method: 'POST',
    path: '/api/v1/maintenance/days/{day}',
    scope: 'admin',
    operation: {
      id: 'finalizeDay',
      tag: 'administration',
      summary: 'Recomputes a finished day of the tenant, or of one agent, from its distinct raw events',
      query: finalizeParameters,
      answer: { kind: 'json', schema: z.strictObject(reportShape) },
    },
    handle: async (request, { tenant }) => {
      const { agent_id: agentId = null } = parseParameters(finalizeParameters, request.query);
      const dayMs = pathDay(request.params.day ?? '');
      const report = await finalizer.finalize({ dayMs, tenant, agentId });
      return jsonReply({
        day: dayText(dayMs),
        agent_id: agentId,
        agents: report.agents,
        events: report.events,
        agents_repaired: report.agentsRepaired,
        took_ms: Math.round(report.tookMs),
      });
    },
  };
}

const listParameters = z.strictObject({ limit: integerParameter({ min: 1, max: 100, fallback: 20 }) });

const finalizationSchema = z
  .strictObject({
    ...reportShape,
    finalized_at: instantSchema,
    received_before: instantSchema,
    tenant: optionalTextSchema.meta({
      description: 'Null for a day of all tenants; the counts are then those of all.',
    }),
  })
  .meta({ id: 'Finalization' });

const listAnswer = z.strictObject({ finalizations: z.array(finalizationSchema), limit: countSchema });

function createFinalizationsRoute(context: ApiContext): HttpRoute {
  return {
    method: 'GET',
    path: '/api/v1/maintenance/days',
    scope: 'admin',
    operation: {
      id: 'listFinalizations',
      tag: 'administration',
      summary: 'The latest finalizations of days that looked at this tenant',
      query: listParameters,
      answer: { kind: 'json', schema: listAnswer },
    },
    handle: (request, { tenant }) => {
      const { limit } = parseParameters(listParameters, request.query);
      return readWithin(context, request, async (store) => {
        const rows = await readDayFinalizations(store, { tenant, limit });
        return jsonReply({ finalizations: rows.map(finalizationItem), limit });
      });
    },
  };
}

/** `tenant` is null for a day of all tenants; its counts are then those of all. */
function finalizationItem(row: DayFinalizationRow) {
  return {
    day: row.day,
    finalized_at: instant(row.finalized_ms),
    received_before: instant(row.received_before_ms),
    tenant: row.tenant,
    agent_id: row.agent_id,
    agents: row.agents,
    events: row.events,
    agents_repaired: row.agents_repaired,
    took_ms: row.took_ms,
  };
}

function pathDay(text: string): number {
  const parsed = dayParameter.safeParse(text);
  if (parsed.success) return parsed.data;
  const items = parsed.error.issues.map(({ message }) => ({ path: 'day', code: 'parameter_invalid', message }));
  throw new RequestProblem('parameter_invalid', `cannot finalize the day: ${items[0]?.message}`, items);
}
