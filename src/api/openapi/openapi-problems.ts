import type { ApiOperation } from '../../core/api-operation.js';
import { type ErrorCode, errorTable, eventNotices, operatorErrors } from '../../core/errors.js';
import type { HttpRoute } from '../../core/ports/http-route.js';
import type { Json } from './openapi-components.js';

/** What any request may meet. */
const everywhere = [
  'request_malformed',
  'host_unknown',
  'origin_foreign',
  'url_too_long',
  'overloaded',
  'address_overloaded',
  'internal',
  'stopping',
] as const;
const withKey = ['key_missing', 'key_invalid', 'scope_missing', 'key_overloaded'] as const;
const withBody = ['body_too_large', 'request_timeout'] as const;
const withStore = ['query_too_large', 'store_unavailable', 'query_timeout'] as const;

/** Codes that an answer can carry; the others are seen by operators, or on a WebSocket beside events that are kept. */
const answeredCodes = (Object.keys(errorTable) as ErrorCode[]).filter(
  (code) => !(code in operatorErrors) && !(code in eventNotices),
);

/** Problem details (RFC 9457) as `core/problem.ts` writes them. */
export const problemSchema: Json = {
  type: 'object',
  description: 'Problem details, RFC 9457. `code` is stable; `detail` and `errors` are for people and may change.',
  properties: {
    type: { type: 'string', format: 'uri-reference', description: 'urn:tidemark:error:<code>' },
    title: { type: 'string' },
    status: { type: 'integer', minimum: 400, maximum: 599 },
    code: { type: 'string', enum: answeredCodes },
    detail: { type: 'string' },
    errors: {
      type: 'array',
      description: 'The parameters or events at fault.',
      items: {
        type: 'object',
        properties: {
          path: { type: 'string' },
          code: { type: 'string', description: 'As above; of a parameter also parameter_unknown, parameter_repeated.' },
          message: { type: 'string' },
          index: { type: 'integer', minimum: 0, description: 'Of an event in its frame.' },
        },
        required: ['path', 'code', 'message'],
        additionalProperties: false,
      },
    },
  },
  required: ['type', 'title', 'status', 'code'],
  additionalProperties: false,
};

/** The failures of a route by status. A response that many share is a component, by the codes it may carry. */
export function problemResponses(route: HttpRoute, operation: ApiOperation, shared: Map<string, Json>): Json {
  const byStatus = new Map<number, ErrorCode[]>();
  for (const code of codesOf(route, operation)) {
    const { httpStatus } = errorTable[code];
    byStatus.set(httpStatus, [...(byStatus.get(httpStatus) ?? []), code]);
  }
  const responses = [...byStatus].map(([status, codes]): [string, Json] => {
    const name = codes.toSorted().map(pascalCase).join('Or');
    if (codes.length > sharedCodesMax) return [String(status), problemResponse(status, codes)];
    shared.set(name, problemResponse(status, codes));
    return [String(status), { $ref: `#/components/responses/${name}` }];
  });
  shared.set('HeadTooLarge', headTooLarge);
  responses.push(['431', { $ref: '#/components/responses/HeadTooLarge' }]);
  return Object.fromEntries(responses);
}

const sharedCodesMax = 4;

/** The socket server answers it by itself, before the request has a route. */
const headTooLarge: Json = {
  description: 'The head of the request has more or longer header fields than the server takes. Not problem details.',
};

function codesOf({ scope, bodyBytesMax = 0 }: HttpRoute, operation: ApiOperation): readonly ErrorCode[] {
  const reads = scope === 'read' || scope === 'admin';
  const codes: readonly ErrorCode[] = [
    ...(operation.query === undefined ? [] : (['parameter_invalid'] as const)),
    ...(scope === null ? [] : withKey),
    ...(bodyBytesMax === 0 ? [] : withBody),
    ...(reads ? withStore : []),
    ...everywhere,
    ...(operation.errors ?? []),
  ];
  const order = Object.keys(errorTable);
  return [...new Set(codes)].sort((a, b) => order.indexOf(a) - order.indexOf(b));
}

function problemResponse(status: number, codes: readonly ErrorCode[]): Json {
  const comesBack = (status === 429 || status === 503) && codes.some((code) => errorTable[code].retryable);
  // Not `const` for a single one: generators merge it with the enumeration of all codes only when it is one itself.
  const code = { type: 'string', enum: codes };
  return {
    description: codes.map((code) => `\`${code}\`: ${errorTable[code].meaning}.`).join('\n'),
    ...(comesBack ? { headers: { 'retry-after': retryAfter } } : {}),
    content: { 'application/problem+json': { schema: { allOf: [anyProblem, { properties: { code } }] } } },
  };
}

const anyProblem: Json = { $ref: '#/components/schemas/Problem' };

const retryAfter: Json = {
  description: 'Seconds after which the same request may succeed.',
  schema: { type: 'integer', minimum: 1 },
};

function pascalCase(code: string): string {
  return code.replaceAll(/(?:^|_)([a-z])/g, (_, letter: string) => letter.toUpperCase());
}
