import type { HttpRoute, SocketRoute } from '../core/ports.js';
import { createOpenApiRoute } from './openapi.js';
import { createRouteIndex } from './route-index.js';

/** The routes, and the two that tell of them all. */
export function describedRoutes(
  routes: readonly HttpRoute[],
  described: { readonly version: string; readonly sockets: readonly SocketRoute[] },
): readonly HttpRoute[] {
  const openApi = createOpenApiRoute(() => all, described);
  const listed = [...routes, openApi];
  const all = [...listed, createRouteIndex(listed, described)];
  return all;
}
