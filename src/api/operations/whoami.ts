import { z } from 'zod';
import { scopes } from '../../core/ports/authenticator.js';
import type { HttpRoute } from '../../core/ports/http-route.js';
import { textSchema } from '../answers/answer-schema.js';
import { jsonReply } from '../request/api-context.js';
import { parseParameters } from '../request/parameters.js';

const parameters = z.strictObject({});

const answer = z.strictObject({
  tenant: textSchema,
  user_id: textSchema.nullable().meta({ description: 'The key sends and reads what is of this user alone.' }),
  key_name: textSchema.meta({ description: 'As keys are listed; not the key.' }),
  scopes: z.array(z.enum(scopes)).meta({ description: 'With those that its scopes imply.' }),
});

/** `GET /api/v1/whoami`: what the key of the request may, for clients that show only what their key can do. */
export function createWhoamiRoute(): HttpRoute {
  return {
    method: 'GET',
    path: '/api/v1/whoami',
    scope: 'read',
    byUser: true,
    operation: {
      id: 'getWhoami',
      tag: 'monitoring',
      summary: 'The tenant, the user and the scopes of the key',
      query: parameters,
      answer: { kind: 'json', schema: answer },
    },
    handle(request, principal) {
      parseParameters(parameters, request.query);
      const { tenant, user = null, keyName, scopes: held } = principal;
      return jsonReply({
        tenant,
        user_id: user,
        key_name: keyName,
        scopes: scopes.filter((scope) => held.has(scope)),
      });
    },
  };
}
