import { z } from 'zod';
import type { EndpointSnapshot } from '../../core/ports/endpoint-windows.js';
import type { HttpRoute } from '../../core/ports/http-route.js';
import { windowMs, windowNames } from '../../core/ports/live-windows.js';
import { instant } from '../../core/time-text.js';
import { countSchema, instantSchema, millisecondsSchema, textSchema } from '../answers/answer-schema.js';
import { type ApiContext, jsonReply } from '../request/api-context.js';
import { parseParameters, wordParameter } from '../request/parameters.js';

const parameters = z.strictObject({ window: wordParameter(windowNames).default('1h') });

const countsShape = { requests: countSchema, client_errors: countSchema, server_errors: countSchema };

const endpointSchema = z
  .strictObject({
    method: textSchema,
    route: textSchema,
    ...countsShape,
    p50_ms: millisecondsSchema,
    p90_ms: millisecondsSchema,
    p99_ms: millisecondsSchema,
  })
  .meta({ id: 'Endpoint' });

const answer = z.strictObject({
  window: z.enum(windowNames),
  window_ms: countSchema,
  as_of: instantSchema,
  totals: z.strictObject(countsShape),
  endpoints: z.array(endpointSchema),
});

/**
 * `GET /api/v1/monitoring/endpoints`: requests of this collector by endpoint, of all tenants together, over a rolling
 * window, the most asked first. From memory: they begin with the process.
 */
export function createEndpointsRoute({ endpoints, clock }: ApiContext): HttpRoute {
  return {
    method: 'GET',
    path: '/api/v1/monitoring/endpoints',
    scope: 'read',
    operation: {
      id: 'listEndpoints',
      tag: 'monitoring',
      summary: 'Requests of this collector by endpoint over a rolling window, with errors and durations',
      query: parameters,
      answer: { kind: 'json', schema: answer },
    },
    handle: (request) => {
      const { window } = parseParameters(parameters, request.query);
      const asked = [...endpoints.snapshot(window)].sort(byRequests);
      return jsonReply({
        window,
        window_ms: windowMs[window],
        as_of: instant(clock.nowMs()),
        totals: {
          requests: total(asked, 'requests'),
          client_errors: total(asked, 'clientErrors'),
          server_errors: total(asked, 'serverErrors'),
        },
        endpoints: asked.map(endpointItem),
      });
    },
  };
}

function byRequests(a: EndpointSnapshot, b: EndpointSnapshot): number {
  if (a.requests !== b.requests) return b.requests - a.requests;
  return `${a.route} ${a.method}` < `${b.route} ${b.method}` ? -1 : 1;
}

function total(asked: readonly EndpointSnapshot[], count: 'requests' | 'clientErrors' | 'serverErrors'): number {
  return asked.reduce((sum, endpoint) => sum + endpoint[count], 0);
}

function endpointItem(endpoint: EndpointSnapshot) {
  return {
    method: endpoint.method,
    route: endpoint.route,
    requests: endpoint.requests,
    client_errors: endpoint.clientErrors,
    server_errors: endpoint.serverErrors,
    p50_ms: microseconds(endpoint.p50Ms),
    p90_ms: microseconds(endpoint.p90Ms),
    p99_ms: microseconds(endpoint.p99Ms),
  };
}

/** To the microsecond, which is as good as the clock. */
function microseconds(durationMs: number | null): number | null {
  return durationMs === null ? null : Math.round(durationMs * 1_000) / 1_000;
}
