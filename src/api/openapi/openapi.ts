import { z } from 'zod';
import type { HttpReply, HttpRoute } from '../../core/ports/http-route.js';
import { type DescribedService, openApiDocument } from './openapi-document.js';

const answer = z.looseObject({ openapi: z.literal('3.1.0'), paths: z.record(z.string(), z.looseObject({})) });

/**
 * `GET /api/v1/openapi.json`: the description of this API, made of its routes when it is first asked for. Public: it
 * says what can be read in the source, and generators of clients have no key. `routes` may hold this one too.
 */
export function createOpenApiRoute(routes: () => readonly HttpRoute[], service: DescribedService): HttpRoute {
  let reply: HttpReply | null = null;
  return {
    method: 'GET',
    path: '/api/v1/openapi.json',
    scope: null,
    operation: {
      id: 'getOpenApi',
      tag: 'monitoring',
      summary: 'The description of this API as an OpenAPI 3.1 document',
      answer: { kind: 'json', schema: answer },
    },
    handle() {
      reply ??= {
        status: 200,
        headers: { 'content-type': 'application/json', 'cache-control': 'no-cache' },
        body: Buffer.from(`${JSON.stringify(openApiDocument(routes(), service))}\n`),
      };
      return reply;
    },
  };
}
