import { z } from 'zod';
import { eventSchema } from '../../core/event-zod.js';
import type { HttpRoute } from '../../core/ports/http-route.js';

/** `GET /api/v1/events/schema`: JSON Schema of an event, for clients in other languages; public, made once. */
export function createEventSchemaRoute(): HttpRoute {
  let body: string | null = null;
  return {
    method: 'GET',
    path: '/api/v1/events/schema',
    scope: null,
    operation: {
      id: 'getEventSchema',
      tag: 'ingest',
      summary: 'JSON Schema of an event',
      answer: { kind: 'json', schema: z.looseObject({}), contentType: 'application/schema+json' },
    },
    handle() {
      body ??= `${JSON.stringify(z.toJSONSchema(eventSchema, { unrepresentable: 'any' }))}\n`;
      return { status: 200, headers: { 'content-type': 'application/schema+json' }, body };
    },
  };
}
