import { CollectorError, type ErrorCode } from '../../core/errors.js';
import type { QueryInstruments } from '../../core/instruments.js';
import type { HttpRoute } from '../../core/ports/http-route.js';

/** What the store can make of a request. */
const storeFailures: ReadonlySet<ErrorCode> = new Set<ErrorCode>([
  'query_timeout',
  'query_too_large',
  'overloaded',
  'store_unavailable',
  'store_unreachable',
  'store_overloaded',
]);

/** The route, with requests that failed at the store counted by template and code, unless the client is gone. */
export function countFailures(route: HttpRoute, { failures }: QueryInstruments): HttpRoute {
  return {
    ...route,
    handle: async (request, principal) => {
      try {
        return await route.handle(request, principal);
      } catch (error) {
        if (error instanceof CollectorError && storeFailures.has(error.code) && !request.signal.aborted) {
          failures.inc({ route: route.path, code: error.code });
        }
        throw error;
      }
    },
  };
}
