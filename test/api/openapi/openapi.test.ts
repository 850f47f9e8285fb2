import { expect, test } from 'vitest';
import { z } from 'zod';
import { openApiDocument } from '../../../src/api/openapi/openapi-document.js';
import { idParameter, integerParameter, wordParameter } from '../../../src/api/request/parameters.js';
import { dateParameter } from '../../../src/api/request/time-parameters.js';
import type { ApiOperation } from '../../../src/core/api-operation.js';
import type { HttpRoute } from '../../../src/core/ports/http-route.js';

type Part = Readonly<Record<string, unknown>>;

interface Described {
  readonly path?: string;
  readonly method?: HttpRoute['method'];
  readonly scope?: HttpRoute['scope'];
  readonly bodyBytesMax?: number;
  readonly operation?: Partial<ApiOperation>;
}

function route({
  path = '/things',
  method = 'GET',
  scope = 'read',
  bodyBytesMax = 0,
  operation,
}: Described): HttpRoute {
  const answer = { kind: 'json', schema: z.strictObject({ ok: z.boolean() }) } as const;
  const described = { id: 'listThings', tag: 'agents', summary: 'Things', answer, ...operation } as const;
  return { method, path, scope, bodyBytesMax, operation: described, handle: () => ({ status: 200 }) };
}

function describe(...routes: readonly HttpRoute[]) {
  return openApiDocument(routes, { version: '1.2.3', sockets: [] });
}

/** What the document says at a place, references followed. */
function at(document: Part, ...keys: readonly (string | number)[]): unknown {
  return keys.reduce<unknown>((value, key) => {
    const found = (value as Part)[key] as Part | undefined;
    const { $ref } = (found ?? {}) as { readonly $ref?: string };
    return $ref === undefined ? found : at(document, ...$ref.replace('#/', '').split('/'));
  }, document);
}

function parametersOf(query: z.ZodObject): Record<string, unknown> {
  const parameters = at(describe(route({ operation: { query } })), 'paths', '/things', 'get', 'parameters');
  return Object.fromEntries((parameters as Part[]).map(({ name, in: _, description: __, ...rest }) => [name, rest]));
}

test('a parameter is described as what its text stands for, with its bounds and default', () => {
  const query = z.strictObject({
    limit: integerParameter({ min: 1, max: 100, fallback: 20 }),
    status: wordParameter(['open', 'closed']).optional(),
    from: dateParameter.optional(),
    run_id: idParameter,
  });
  expect(parametersOf(query)).toEqual({
    limit: { schema: { type: 'integer', minimum: 1, maximum: 100, default: 20 } },
    status: { schema: { type: 'string', enum: ['open', 'closed'] } },
    from: { schema: { type: 'string', anyOf: [{ format: 'date' }, { format: 'date-time' }] } },
    run_id: { required: true, schema: { type: 'string', minLength: 1, maxLength: 256 } },
  });
});

test('a path parameter is required and says what it is', () => {
  const document = describe(route({ path: '/runs/{run_id}' }));
  expect(at(document, 'paths', '/runs/{run_id}', 'get', 'parameters')).toEqual([
    {
      name: 'run_id',
      in: 'path',
      required: true,
      description: 'Id of a run.',
      schema: { type: 'string', minLength: 1, maxLength: 256 },
    },
  ]);
});

test('a schema with an id is one component, and a different one with the same id is a defect', () => {
  const thing = z.strictObject({ size: z.int() }).meta({ id: 'TestThing' });
  const schema = z.strictObject({ first: thing, rest: z.array(thing) });
  const document = describe(route({ operation: { answer: { kind: 'json', schema } } }));
  expect(at(document, 'components', 'schemas', 'ListThingsAnswer', 'properties')).toEqual({
    first: { $ref: '#/components/schemas/TestThing' },
    rest: { type: 'array', items: { $ref: '#/components/schemas/TestThing' } },
  });
  expect(at(document, 'components', 'schemas', 'TestThing')).toMatchObject({
    properties: { size: { type: 'integer' } },
  });
  const other = z.strictObject({ size: z.string() });
  const clash = route({ path: '/other', operation: { id: 'testThing', answer: { kind: 'json', schema: other } } });
  const named = z.strictObject({ a: z.int() }).meta({ id: 'TestThingAnswer' });
  const first = route({ operation: { answer: { kind: 'json', schema: named } } });
  expect(() => describe(first, clash)).toThrow('TestThingAnswer');
});

test('routes that answer the same share its schema', () => {
  const operation = { answer: { kind: 'json', schema: z.strictObject({ ok: z.boolean() }) } } as const;
  const routes = [route({ operation }), route({ path: '/alias', operation: { ...operation, id: 'listAliases' } })];
  expect(Object.keys(at(describe(...routes), 'components', 'schemas') as Part)).toEqual([
    'ListThingsAnswer',
    'Problem',
  ]);
});

test('a map with all of a few keys is an object with these properties', () => {
  const schema = z.record(z.enum(['1m', '1h']), z.int());
  const document = describe(route({ operation: { answer: { kind: 'json', schema } } }));
  expect(at(document, 'components', 'schemas', 'ListThingsAnswer')).toMatchObject({
    type: 'object',
    properties: { '1m': { type: 'integer' }, '1h': { type: 'integer' } },
    required: ['1m', '1h'],
    additionalProperties: false,
  });
});

test('the scope of a route is the role its key needs, and a public route needs none', () => {
  const document = describe(
    route({ scope: 'admin' }),
    route({ path: '/open', scope: null, operation: { id: 'open' } }),
  );
  expect(at(document, 'paths', '/things', 'get', 'security')).toEqual([{ key: ['admin'] }]);
  expect(at(document, 'paths', '/open', 'get', 'security')).toEqual([]);
  expect(Object.keys(at(document, 'paths', '/open', 'get', 'responses') as Part)).toEqual([
    '200',
    '400',
    '403',
    '414',
    '421',
    '429',
    '431',
    '500',
    '503',
  ]);
});

test('a failure names its codes by status, and says when to come back', () => {
  const query = z.strictObject({ limit: integerParameter({ min: 1, max: 9, fallback: 3 }) });
  const document = describe(
    route({
      method: 'POST',
      bodyBytesMax: 10,
      operation: { query, status: 202, errors: ['not_found', 'body_invalid'] },
    }),
  );
  const codesAt = (status: number) => {
    const content = at(document, 'paths', '/things', 'post', 'responses', status, 'content');
    return at(content as Part, 'application/problem+json', 'schema', 'allOf', 1, 'properties', 'code', 'enum');
  };
  const statuses = Object.keys(at(document, 'paths', '/things', 'post', 'responses') as Part).map(Number);
  expect(
    Object.fromEntries(
      statuses.filter((status) => status >= 400 && status !== 431).map((status) => [status, codesAt(status)]),
    ),
  ).toEqual({
    400: ['request_malformed', 'parameter_invalid', 'body_invalid'],
    401: ['key_missing', 'key_invalid'],
    403: ['scope_missing', 'origin_foreign'],
    404: ['not_found'],
    408: ['request_timeout'],
    413: ['body_too_large'],
    414: ['url_too_long'],
    421: ['host_unknown'],
    422: ['query_too_large'],
    429: ['overloaded', 'key_overloaded', 'address_overloaded'],
    500: ['internal'],
    503: ['store_unavailable', 'stopping'],
    504: ['query_timeout'],
  });
  expect(statuses).toContain(202);
  expect(at(document, 'paths', '/things', 'post', 'responses', 429, 'headers')).toHaveProperty('retry-after');
  expect(at(document, 'paths', '/things', 'post', 'responses', 500)).not.toHaveProperty('headers');
});

test('routes in any order make the same document, and a route without an operation is left out', () => {
  const a = route({ path: '/a', operation: { id: 'a' } });
  const b = route({ path: '/b', operation: { id: 'b', tag: 'runs' } });
  const { operation: _, ...undescribed } = route({ path: '/hidden' });
  expect(JSON.stringify(describe(b, undescribed, a))).toBe(JSON.stringify(describe(a, b)));
});
