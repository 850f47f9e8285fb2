import type { HttpRoute } from '../core/ports.js';
import { jsonReply } from './query-context.js';

/** `GET /`: what there is to ask, for a person who opens the address in a browser; public. */
export function createRouteIndex(
  routes: readonly HttpRoute[],
  service: { readonly version: string; readonly sockets: readonly string[] },
): HttpRoute {
  const paths = routes.map(({ method, path, scope }) => ({ method, path, scope: scope ?? 'public' }));
  const sockets = service.sockets.map((path) => ({ method: 'WebSocket', path, scope: 'ingest' }));
  return {
    method: 'GET',
    path: '/',
    scope: null,
    handle: () => jsonReply({ service: 'tidemark', version: service.version, endpoints: [...sockets, ...paths] }),
  };
}
