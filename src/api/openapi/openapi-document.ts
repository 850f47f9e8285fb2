import type { ApiBody, ApiHeader, ApiOperation, ApiTag } from '../../core/api-operation.js';
import type { HttpRoute } from '../../core/ports/http-route.js';
import type { SocketRoute } from '../../core/ports/socket-route.js';
import { idCharactersMax } from '../request/parameters.js';
import { type Json, OpenApiComponents } from './openapi-components.js';
import { parameterMeanings, tagMeanings } from './openapi-meanings.js';
import { problemResponses, problemSchema } from './openapi-problems.js';

export interface DescribedService {
  readonly version: string;
  readonly sockets: readonly Pick<SocketRoute, 'path' | 'scope' | 'protocol' | 'summary'>[];
}

/** What the operations put into the parts they share. */
interface Shared {
  readonly components: OpenApiComponents;
  readonly responses: Map<string, Json>;
}

/**
 * The routes that have an `operation`, as an OpenAPI 3.1 document: the same for the same routes, its paths sorted.
 * What it cannot say, the WebSockets, is in its text and under `x-websockets`.
 */
export function openApiDocument(routes: readonly HttpRoute[], service: DescribedService): Json {
  const described = routes.flatMap((route) =>
    route.operation === undefined ? [] : [{ route, operation: route.operation }],
  );
  const shared: Shared = { components: new OpenApiComponents(), responses: new Map() };
  shared.components.add('Problem', problemSchema);
  const paths = new Map<string, Json>();
  for (const { route, operation } of described) {
    const item = operationItem(route, operation, shared);
    paths.set(route.path, { ...paths.get(route.path), [route.method.toLowerCase()]: item });
  }
  return {
    openapi: '3.1.0',
    info: infoOf(service),
    servers: [{ url: '/', description: 'The collector that serves this document.' }],
    tags: tagsOf(described.map(({ operation }) => operation.tag)),
    paths: byName(paths),
    components: {
      schemas: shared.components.schemas,
      responses: byName(shared.responses),
      securitySchemes: { key: keyScheme },
    },
    'x-websockets': service.sockets.map(({ path, scope, protocol, summary = null }) => ({
      path,
      scope,
      protocol,
      summary,
    })),
  };
}

const keyScheme: Json = {
  type: 'http',
  scheme: 'bearer',
  description:
    'An API key. It names the tenant and carries scopes: ingest, read, admin, metrics; admin implies ingest and read.',
};

function byName(items: ReadonlyMap<string, Json>): Json {
  return Object.fromEntries([...items].sort(([a], [b]) => (a < b ? -1 : 1)));
}

function infoOf({ version, sockets }: DescribedService): Json {
  const lines = sockets.map(({ path, scope, protocol, summary }) => {
    const purpose = summary === undefined ? '' : `${summary}. `;
    return `- \`${path}\`: ${purpose}Scope \`${scope}\`, sub-protocol \`${protocol}\`.`;
  });
  return {
    title: 'Tidemark',
    version,
    summary: 'Edge collector for AI-agent task telemetry.',
    description: [
      'Agents send events; people, dashboards and scrapers read what became of them.',
      'The tenant comes from the API key.',
      'Failures are problem details (RFC 9457) with a stable `code`.',
      '',
      'WebSockets, which this format cannot describe. The key is sent as `Authorization: Bearer <key>`, or from a',
      'browser as the sub-protocol `tidemark.key.<key>` beside the one named:',
      '',
      ...lines,
    ].join('\n'),
    license: { name: 'Apache-2.0', identifier: 'Apache-2.0' },
  };
}

function tagsOf(used: readonly ApiTag[]): Json[] {
  const names = Object.keys(tagMeanings) as ApiTag[];
  return names.filter((name) => used.includes(name)).map((name) => ({ name, description: tagMeanings[name] }));
}

function operationItem(route: HttpRoute, operation: ApiOperation, shared: Shared): Json {
  const { components, responses } = shared;
  const { id, tag, summary, headers = [], body } = operation;
  const parameters = [
    ...pathParameters(route.path),
    ...queryParameters(operation, components),
    ...headers.map((header) => headerParameter(header, components)),
  ];
  return {
    operationId: id,
    tags: [tag],
    summary,
    security: securityOf(route),
    ...(parameters.length === 0 ? {} : { parameters }),
    ...(body === undefined ? {} : { requestBody: bodyItem(body, operation, components) }),
    responses: { ...successResponses(operation, components), ...problemResponses(route, operation, responses) },
  };
}

/** Alternatives: an empty one is a request without a key. */
function securityOf({ scope, openToLoopback }: HttpRoute): Json[] {
  if (scope === null) return [];
  return openToLoopback === true ? [{ key: [scope] }, {}] : [{ key: [scope] }];
}

function pathParameters(path: string): Json[] {
  const names = [...path.matchAll(/\{(\w+)\}/g)].map(([, name]) => name ?? '');
  return names.map((name) => ({
    name,
    in: 'path',
    required: true,
    ...descriptionOf(name),
    schema:
      name === 'day'
        ? { type: 'string', format: 'date' }
        : { type: 'string', minLength: 1, maxLength: idCharactersMax },
  }));
}

function queryParameters({ query }: ApiOperation, components: OpenApiComponents): Json[] {
  if (query === undefined) return [];
  const { properties = {}, required = [] } = components.schema(query, 'input') as {
    readonly properties?: Readonly<Record<string, Json>>;
    readonly required?: readonly string[];
  };
  return Object.entries(properties).map(([name, { description, ...schema }]) => ({
    name,
    in: 'query',
    ...(required.includes(name) ? { required: true } : {}),
    ...(description === undefined ? descriptionOf(name) : { description }),
    // A list is one value, its items separated by commas.
    ...(schema.type === 'array' ? { style: 'form', explode: false } : {}),
    schema,
  }));
}

function descriptionOf(name: string): Json {
  const description = parameterMeanings[name];
  return description === undefined ? {} : { description };
}

function headerParameter({ name, meaning, schema }: ApiHeader, components: OpenApiComponents): Json {
  return { name, in: 'header', description: meaning, schema: components.schema(schema, 'input') };
}

function bodyItem(
  { contentTypes, schema, example }: ApiBody,
  { id }: ApiOperation,
  components: OpenApiComponents,
): Json {
  const reference = schema === null ? {} : bodySchema(`${capitalized(id)}Body`, schema, components);
  const content = contentTypes.map((contentType) => {
    if (contentType === 'application/x-ndjson') return [contentType, { schema: { type: 'string' } }];
    const shown = example === undefined || contentType !== 'application/json' ? {} : { example };
    return [contentType, { schema: reference, ...shown }];
  });
  return { required: true, content: Object.fromEntries(content) };
}

function bodySchema(name: string, schema: NonNullable<ApiBody['schema']>, components: OpenApiComponents): Json {
  const written = components.schema(schema, 'input');
  return '$ref' in written ? written : components.add(name, written);
}

function successResponses({ id, summary, status = 200, answer }: ApiOperation, components: OpenApiComponents): Json {
  if (answer.kind === 'other') {
    const { contentTypes, jsonSchema } = answer;
    const json = jsonSchema === undefined ? {} : components.answer(`${capitalized(id)}Answer`, jsonSchema);
    const content = contentTypes.map((type) => [type.split(';')[0], { schema: otherSchema(type, json) }]);
    return { [status]: { description: `${summary}.`, content: Object.fromEntries(content) } };
  }
  const { schema, contentType = 'application/json', alsoStatuses = [] } = answer;
  const content = { [contentType]: { schema: components.answer(`${capitalized(id)}Answer`, schema) } };
  const statuses = [status, ...alsoStatuses];
  return Object.fromEntries(statuses.map((code) => [code, { description: `${summary}.`, content }]));
}

/** Text is a string; a stream is told event by event, of which each tool makes something else; the rest is bytes. */
function otherSchema(contentType: string, json: Json): Json {
  if (contentType.startsWith('text/event-stream'))
    return { description: 'Server-Sent Events, each with JSON as data.' };
  if (/^text\/|ndjson/.test(contentType)) return { type: 'string' };
  return contentType.startsWith('application/json') ? json : { contentMediaType: contentType };
}

function capitalized(id: string): string {
  return id.charAt(0).toUpperCase() + id.slice(1);
}
