import type { Principal } from '../../core/ports/authenticator.js';
import type { HttpReply, HttpRequest, HttpRoute } from '../../core/ports/http-route.js';
import type { ApiContext } from '../request/api-context.js';
import { AnswerCache, type GivenAnswer } from './answer-cache.js';

/** Some hundreds of different dashboards; an answer has a few kilobytes. */
const entriesMax = 1_024;
const bytesMax = 16 * 1_048_576;

/**
 * Makes routes that give equal requests the same answer, at most `cacheMs` old: a hundred dashboards that show the
 * same cost one read of the store. For GET routes that read the store and answer JSON, and for no others.
 *
 * Equal are requests of one tenant, or of one of its users, to one route with the same decoded path and query
 * parameters, in whatever order and encoding. The handler is given nothing else of the request and of the key, so its
 * answer cannot depend on it.
 */
export function createRouteCache(context: ApiContext): (route: HttpRoute) => HttpRoute {
  const { cacheMs } = context.options;
  if (cacheMs === 0) return (route) => route;
  const cache = new AnswerCache(context, { ageMsMax: cacheMs, entriesMax, bytesMax });
  return (route) => ({
    ...route,
    handle: async (request, principal) => {
      const key = requestKey(route, request, principal);
      const given = await cache.answer(key, request.signal, async (signal) =>
        route.handle({ ...request, headers: noHeaders, signal }, plainPrincipal(principal, route)),
      );
      return withAge(given);
    },
  });
}

const noHeaders: ReadonlyMap<string, string> = new Map();

/** JSON keeps the parts apart whatever characters they hold. */
function requestKey({ path }: HttpRoute, { params, query }: HttpRequest, { tenant, user = null }: Principal): string {
  const parameters = [...query].sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0));
  return JSON.stringify([tenant, user, path, Object.entries(params), parameters]);
}

/** What all keys of a tenant, or of one of its users, that reach the route have in common. */
function plainPrincipal({ tenant, contentAllowed, user = null }: Principal, { scope }: HttpRoute): Principal {
  return { tenant, contentAllowed, user, keyName: '', scopes: new Set(scope === null ? [] : [scope]) };
}

/** `age` as in RFC 9111, whole seconds since the read began; `cache-status` as in RFC 9211. */
function withAge({ reply, source, ageMs }: GivenAnswer): HttpReply {
  const status = { hit: 'hit', shared: 'fwd=miss; collapsed', miss: 'fwd=miss' }[source];
  const headers = { age: String(Math.round(ageMs / 1_000)), 'cache-status': `tidemark; ${status}` };
  return { ...reply, headers: { ...reply.headers, ...headers } };
}
