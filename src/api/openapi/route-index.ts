import { z } from 'zod';
import type { HttpRoute } from '../../core/ports/http-route.js';
import type { SocketRoute } from '../../core/ports/socket-route.js';
import { textSchema } from '../answers/answer-schema.js';
import { jsonReply } from '../request/api-context.js';

const answer = z.strictObject({
  service: textSchema,
  version: textSchema,
  endpoints: z.array(z.strictObject({ method: textSchema, path: textSchema, scope: textSchema })),
});

/** `GET /`: what there is to ask, for a person who opens the address in a browser; public. */
export function createRouteIndex(
  routes: readonly HttpRoute[],
  service: { readonly version: string; readonly sockets: readonly Pick<SocketRoute, 'path' | 'scope'>[] },
): HttpRoute {
  const paths = routes.map(({ method, path, scope }) => ({ method, path, scope: scope ?? 'public' }));
  const sockets = service.sockets.map(({ path, scope }) => ({ method: 'WebSocket', path, scope }));
  return {
    method: 'GET',
    path: '/',
    scope: null,
    operation: {
      id: 'getIndex',
      tag: 'monitoring',
      summary: 'What there is to ask',
      answer: { kind: 'json', schema: answer },
    },
    handle: () => jsonReply({ service: 'tidemark', version: service.version, endpoints: [...sockets, ...paths] }),
  };
}
