import type { HttpRoute } from '../../core/ports/http-route.js';
import type { SocketRoute } from '../../core/ports/socket-route.js';
import { createOpenApiRoute } from './openapi.js';
import { createRouteIndex } from './route-index.js';

/** The routes, and the two that tell of them all. */
export function describedRoutes(
  routes: readonly HttpRoute[],
  sockets: readonly SocketRoute[],
  version: string,
): readonly HttpRoute[] {
  const openApi = createOpenApiRoute(() => all, { version, sockets });
  const listed = [...routes, openApi];
  const all = [...listed, createRouteIndex(listed, { version, sockets })];
  return all;
}
