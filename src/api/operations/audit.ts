import { z } from 'zod';
import type { HttpRoute } from '../../core/ports/http-route.js';
import { instantSchema, optionalTextSchema, textSchema } from '../answers/answer-schema.js';
import { type ApiContext, jsonReply } from '../request/api-context.js';
import { integerParameter, parseParameters } from '../request/parameters.js';
import { dateParameter } from '../request/time-parameters.js';

const entrySchema = z
  .strictObject({
    at: instantSchema,
    action: textSchema.meta({ description: 'The id of the operation, as in this description.' }),
    outcome: textSchema.meta({ description: '`done`, or the code of the error.' }),
    actor: optionalTextSchema.meta({ description: 'The name of the key; `local:<user>` for the command line.' }),
    address: optionalTextSchema,
    what: z.record(z.string(), z.union([z.string(), z.number(), z.boolean(), z.null()])),
  })
  .meta({ id: 'AuditEntry' });
const parameters = z.strictObject({
  limit: integerParameter({ min: 1, max: 1_000, fallback: 100 }),
  until: dateParameter.optional(),
});

/** `GET /api/v1/audit`: what administrators of the tenant did, the newest first. */
export function createAuditRoute({ audit }: ApiContext): HttpRoute {
  return {
    method: 'GET',
    path: '/api/v1/audit',
    scope: 'admin',
    operation: {
      id: 'listAudit',
      tag: 'administration',
      summary: 'What was done with admin keys of the tenant, newest first; go on with `until` of the last entry',
      query: parameters,
      answer: { kind: 'json', schema: z.strictObject({ entries: z.array(entrySchema) }) },
    },
    handle: async (request, { tenant }) => {
      const { limit, until } = parseParameters(parameters, request.query);
      const entries = await audit.read({ tenant, untilMs: until?.fromMs ?? null, limit });
      return jsonReply({ entries: entries.map(({ tenant: _own, ...entry }) => entry) });
    },
  };
}
