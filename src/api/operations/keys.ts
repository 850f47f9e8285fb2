import { z } from 'zod';
import { CollectorError } from '../../core/errors.js';
import { keyLimitMax, type OwnKeyLimits } from '../../core/key-limits.js';
import { type Scope, scopes } from '../../core/ports/authenticator.js';
import type { HttpRoute } from '../../core/ports/http-route.js';
import { type KeyRecord, overlapMsDefault, overlapMsMax } from '../../core/ports/key-keeper.js';
import { quoted } from '../../core/problem.js';
import {
  countSchema,
  instantSchema,
  optionalInstantSchema,
  optionalTextSchema,
  textSchema,
} from '../answers/answer-schema.js';
import { type ApiContext, jsonReply } from '../request/api-context.js';
import { parseJsonBody } from '../request/json-body.js';
import { idCharactersMax, isPossibleId, parseParameters } from '../request/parameters.js';

/**
 * `GET /api/v1/keys`, `POST /api/v1/keys`, `DELETE /api/v1/keys/{name}`, `POST /api/v1/keys/{name}/limits`, and
 * `POST /api/v1/keys/{name}/rotate`: API keys of the tenant of the key that asks, and of no other.
 */
export function createKeyRoutes(context: ApiContext): HttpRoute[] {
  return [
    createListRoute(context),
    createMakeRoute(context),
    createLimitRoute(context),
    createRotateRoute(context),
    createRevokeRoute(context),
  ];
}

const noParameters = z.strictObject({});

const bound = z.int().min(0).max(keyLimitMax).optional();
const limitsSchema = z
  .strictObject({
    events_per_second: bound,
    bytes_per_second: bound,
    requests_per_second: bound,
    events_per_day: bound,
  })
  .meta({ id: 'KeyLimits', description: 'Those of its own; without one the configuration decides, 0 is no bound.' });

function limitsTold(own: OwnKeyLimits): z.output<typeof limitsSchema> {
  return {
    events_per_second: own.eventsPerSecond,
    bytes_per_second: own.bytesPerSecond,
    requests_per_second: own.requestsPerSecond,
    events_per_day: own.eventsPerDay,
  };
}

function limitsMeant(told: z.output<typeof limitsSchema>): OwnKeyLimits {
  return {
    eventsPerSecond: told.events_per_second,
    bytesPerSecond: told.bytes_per_second,
    requestsPerSecond: told.requests_per_second,
    eventsPerDay: told.events_per_day,
  };
}

/** Those that are set. */
function limitsAudited(limits: OwnKeyLimits): Record<string, number> {
  const set = Object.entries(limits).flatMap(([name, value]) => (value === undefined ? [] : [[name, value] as const]));
  return Object.fromEntries(set);
}

const keyShape = {
  name: textSchema.meta({ description: 'What it is called in lists and logs; not the key.' }),
  scopes: z.array(z.enum(scopes)),
  user_id: optionalTextSchema.meta({ description: 'The key sends and reads what is of this user alone.' }),
  created_at: instantSchema,
  rotated_at: optionalInstantSchema.meta({
    description: 'When it got the secret it has now; null: it was made with it.',
  }),
  previous_until: optionalInstantSchema.meta({ description: 'Until when a secret of before is good; null: none is.' }),
  limits: limitsSchema,
  events_today: countSchema
    .nullable()
    .meta({ description: 'Acknowledged in this UTC day; null without a daily quota.' }),
};
const keySchema = z.strictObject(keyShape).meta({ id: 'ApiKey' });

function keyAnswer(record: KeyRecord): z.output<typeof keySchema> {
  const { name, scopes, user, created, rotated, previousUntil, limits, eventsToday } = record;
  const times = { created_at: created, rotated_at: rotated, previous_until: previousUntil };
  const told = { name, scopes: [...scopes], user_id: user, ...times };
  return { ...told, limits: limitsTold(limits), events_today: eventsToday };
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
    limits: limitsSchema.optional(),
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
      const { scopes: given, user_id: user = null, limits = {} } = parseJsonBody(orderSchema, request);
      const { key, record } = await keys.create({ tenant, scopes: given, user, limits: limitsMeant(limits) });
      const audited = { name: record.name, scopes: given.join('+') };
      return { ...jsonReply({ key, ...keyAnswer(record) }, 201), audited };
    },
  };
}

function createLimitRoute({ keys }: ApiContext): HttpRoute {
  return {
    method: 'POST',
    path: '/api/v1/keys/{name}/limits',
    scope: 'admin',
    bodyBytesMax,
    operation: {
      id: 'limitKey',
      tag: 'administration',
      summary: 'Gives an API key of the tenant these limits of its own, in place of those it has had; in force at once',
      query: noParameters,
      body: { contentTypes: ['application/json'], schema: limitsSchema, example: { events_per_second: 1_000 } },
      answer: { kind: 'json', schema: keySchema },
      errors: ['media_type_unsupported', 'body_too_large', 'body_invalid', 'not_found', 'keys_configured'],
    },
    handle: async (request, { tenant }) => {
      parseParameters(noParameters, request.query);
      const limits = limitsMeant(parseJsonBody(limitsSchema, request));
      const name = request.params.name ?? '';
      const reply = jsonReply(keyAnswer(found(name, await keys.limit(tenant, name, limits))));
      return { ...reply, audited: limitsAudited(limits) };
    },
  };
}

const overlapExpected = 'expected whole seconds from 0 to 2592000 (30 days)';
const rotationSchema = z.strictObject({
  overlap_seconds: z
    .int({ error: overlapExpected })
    .min(0, overlapExpected)
    .max(overlapMsMax / 1_000, overlapExpected)
    .default(overlapMsDefault / 1_000)
    .meta({ description: 'How long the secret of before stays good.' }),
});

function createRotateRoute({ keys }: ApiContext): HttpRoute {
  return {
    method: 'POST',
    path: '/api/v1/keys/{name}/rotate',
    scope: 'admin',
    bodyBytesMax,
    operation: {
      id: 'rotateKey',
      tag: 'administration',
      summary:
        'Gives an API key of the tenant a new secret, told in this answer alone; the old one is good for a while',
      query: noParameters,
      body: { contentTypes: ['application/json'], schema: rotationSchema, example: { overlap_seconds: 3_600 } },
      answer: {
        kind: 'json',
        schema: z.strictObject({ key: textSchema.meta({ description: 'The new secret, this once.' }), ...keyShape }),
      },
      errors: [
        'media_type_unsupported',
        'body_too_large',
        'body_invalid',
        'not_found',
        'keys_configured',
        'keys_rotating',
      ],
    },
    handle: async (request, { tenant }) => {
      parseParameters(noParameters, request.query);
      const { overlap_seconds: seconds } = parseJsonBody(rotationSchema, request);
      const name = request.params.name ?? '';
      const { key, record } = found(name, await keys.rotate(tenant, name, 1_000 * seconds));
      return { ...jsonReply({ key, ...keyAnswer(record) }), audited: { overlap_seconds: seconds } };
    },
  };
}

function found<Found>(name: string, record: Found | null): Found {
  if (record !== null) return record;
  throw new CollectorError('not_found', `cannot find key ${quoted(name)}: this tenant has none of that name`);
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
      return jsonReply(keyAnswer(found(name, await keys.revoke(tenant, name))));
    },
  };
}
