import { z } from 'zod';
import { CollectorError } from '../../core/errors.js';
import { type Scope, scopes } from '../../core/ports/authenticator.js';
import type { HttpRoute } from '../../core/ports/http-route.js';
import type { KeyRecord } from '../../core/ports/key-keeper.js';
import { quoted } from '../../core/problem.js';
import { instantSchema, optionalTextSchema, textSchema } from '../answers/answer-schema.js';
import { type ApiContext, jsonReply } from '../request/api-context.js';
import { parseJsonBody } from '../request/json-body.js';
import { idCharactersMax, isPossibleId, parseParameters } from '../request/parameters.js';

/**
 * `GET /api/v1/keys`, `POST /api/v1/keys`, `DELETE /api/v1/keys/{name}`: the API keys of the tenant of the key that
 * asks, and of no other.
 */
export function createKeyRoutes(context: ApiContext): HttpRoute[] {
  return [createListRoute(context), createMakeRoute(context), createRevokeRoute(context)];
}

const noParameters = z.strictObject({});

const keyShape = {
  name: textSchema.meta({ description: 'What it is called in lists and logs; not the key.' }),
  scopes: z.array(z.enum(scopes)),
  user_id: optionalTextSchema.meta({ description: 'The key sends and reads what is of this user alone.' }),
  created_at: instantSchema,
};
const keySchema = z.strictObject(keyShape).meta({ id: 'ApiKey' });

function keyAnswer({ name, scopes: held, user, created }: KeyRecord): z.output<typeof keySchema> {
  return { name, scopes: [...held], user_id: user, created_at: created };
}

function createListRoute({ keys }: ApiContext): HttpRoute {
  return {
    method: 'GET',
    path: '/api/v1/keys',
    scope: 'admin',
    operation: {
      id: 'listKeys',
      tag: 'administration',
      summary: 'The API keys of the tenant, the oldest first, without the keys themselves',
      query: noParameters,
      answer: { kind: 'json', schema: z.strictObject({ keys: z.array(keySchema) }) },
      errors: ['keys_configured'],
    },
    handle: async (request, { tenant }) => {
      parseParameters(noParameters, request.query);
      return jsonReply({ keys: (await keys.list(tenant)).map(keyAnswer) });
    },
  };
}

/** Not `metrics`: its page names the agents of all tenants, and whoever administers one must not open it. */
const grantable = ['ingest', 'read', 'admin'] as const satisfies readonly Scope[];
const ofUsers: readonly Scope[] = ['ingest', 'read'];

const scopesExpected = `expected some of ${grantable.join(', ')}, each once`;
const userExpected = `expected a text of 1 to ${idCharactersMax} characters`;

const orderSchema = z
  .strictObject({
    scopes: z
      .array(z.enum(grantable, { error: scopesExpected }), { error: scopesExpected })
      .min(1, scopesExpected)
      .max(grantable.length, scopesExpected)
      .refine((given) => new Set(given).size === given.length, scopesExpected)
      .meta({ uniqueItems: true }),
    user_id: z
      .string({ error: userExpected })
      .refine((id) => isPossibleId(id) && !/\p{Surrogate}/u.test(id), userExpected)
      .meta({ minLength: 1, maxLength: idCharactersMax })
      .optional(),
  })
  .refine(({ scopes: given, user_id: user }) => user === undefined || given.every((scope) => ofUsers.includes(scope)), {
    path: ['scopes'],
    error: `a key of a user has no other scopes than ${ofUsers.join(' and ')}`,
  });

/** The longest user, every character of it escaped as two `\uXXXX`, and some room for the rest. */
const bodyBytesMax = 8_192;

function createMakeRoute({ keys }: ApiContext): HttpRoute {
  return {
    method: 'POST',
    path: '/api/v1/keys',
    scope: 'admin',
    bodyBytesMax,
    operation: {
      id: 'createKey',
      tag: 'administration',
      summary: 'Makes an API key of the tenant; the key itself is told in this answer and never again',
      query: noParameters,
      body: { contentTypes: ['application/json'], schema: orderSchema, example: { scopes: ['ingest', 'read'] } },
      status: 201,
      answer: {
        kind: 'json',
        schema: z.strictObject({ key: textSchema.meta({ description: 'The key, this once.' }), ...keyShape }),
      },
      errors: ['media_type_unsupported', 'body_too_large', 'body_invalid', 'keys_configured', 'keys_exhausted'],
    },
    handle: async (request, { tenant }) => {
      parseParameters(noParameters, request.query);
      const { scopes: given, user_id: user = null } = parseJsonBody(orderSchema, request);
      const { key, record } = await keys.create({ tenant, scopes: given, user });
      return jsonReply({ key, ...keyAnswer(record) }, 201);
    },
  };
}

function createRevokeRoute({ keys }: ApiContext): HttpRoute {
  return {
    method: 'DELETE',
    path: '/api/v1/keys/{name}',
    scope: 'admin',
    operation: {
      id: 'revokeKey',
      tag: 'administration',
      summary: 'Takes an API key of the tenant back: from now on it opens nothing',
      query: noParameters,
      answer: { kind: 'json', schema: keySchema },
      errors: ['not_found', 'key_own', 'keys_configured'],
    },
    handle: async (request, { tenant, keyName }) => {
      parseParameters(noParameters, request.query);
      const name = request.params.name ?? '';
      if (name === keyName) {
        throw new CollectorError('key_own', `cannot revoke ${quoted(name)} with itself: ask with another admin key`);
      }
      const revoked = await keys.revoke(tenant, name);
      if (revoked === null) {
        throw new CollectorError('not_found', `cannot find key ${quoted(name)}: this tenant has none of that name`);
      }
      return jsonReply(keyAnswer(revoked));
    },
  };
}
