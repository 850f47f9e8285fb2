import { z } from 'zod';
import { createApiRoutes } from '../../src/api/api-routes.js';
import type { ApiDependencies, ApiOptions, ApiSettings } from '../../src/api/request/api-context.js';
import type { QueryInstruments } from '../../src/core/instruments.js';
import type { Principal } from '../../src/core/ports/authenticator.js';
import type { HttpReply, HttpRequest, HttpRoute } from '../../src/core/ports/http-route.js';
import type { LiveWindows } from '../../src/core/ports/live-windows.js';
import type { StoreReader } from '../../src/core/ports/store-reader.js';
import { problemOf } from '../../src/core/problem.js';
import { retentionDays } from '../../src/core/retention.js';
import { createRouter } from '../../src/http/router.js';
import { defaultConfig } from '../support/default-config.js';
import { FakeClock } from '../support/fake-clock.js';

/** An answer, its body parsed when it is JSON. */
export interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  // The tests look into answers by name; their shape is what is under test.
  readonly body: Record<string, unknown>;
  readonly text: string;
}

export const noWindows: LiveWindows = {
  snapshot: () => undefined,
  lastSeenMs: () => undefined,
  evictedMs: () => undefined,
  keys: () => [],
};

const noExports = {
  started: { inc: () => undefined },
  finished: { inc: () => undefined },
  failed: { inc: () => undefined },
  bytes: { inc: () => undefined },
};

export const noInstruments: QueryInstruments = { requests: { inc: () => {} }, failures: { inc: () => {} } };

export const emptyLedger = {
  received: 0,
  durable: 0,
  duplicate: 0,
  rejected: 0,
  refused: 0,
  underway: 0,
  recovered: 0,
  inserted: 0,
  spooled: 0,
  quarantined: 0,
  oldestUndeliveredMs: null,
};

export interface QueryApi {
  readonly routes: readonly HttpRoute[];
  /** `GET path?query` with a key of `tenant`. */
  get(tenant: string, target: string, signal?: AbortSignal): Promise<Answer>;
  post(tenant: string, target: string, body?: string, headers?: Readonly<Record<string, string>>): Promise<Answer>;
  delete(tenant: string, target: string): Promise<Answer>;
}

interface AskOptions {
  readonly body?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly signal?: AbortSignal;
}

const apiSettings: ApiSettings = {
  ...defaultConfig.query,
  ...defaultConfig.history,
  retention: retentionDays,
  metricsWithoutKey: defaultConfig.metrics.withoutKey,
};

/** The routes behind the real router and the real problem answers, without a socket. */
export function createQueryApi(
  given: Partial<ApiDependencies> & { readonly store: StoreReader },
  options: Partial<ApiOptions> = {},
): QueryApi {
  const routes = createApiRoutes(
    {
      windows: noWindows,
      endpoints: { snapshot: () => [] },
      storage: {
        metadata: given.store,
        spool: () => ({ bytes: 0, segments: 0, events: 0, oldestReceivedMs: null, quarantinedSegments: 0 }),
        disk: async () => ({ usedBytes: 0, availableBytes: 0 }),
      },
      eraser: { erase: () => Promise.reject(new Error('this test erases nothing')) },
      keys: {
        list: async () => [],
        create: () => Promise.reject(new Error('this test makes no key')),
        limit: async () => null,
        rotate: async () => null,
        revoke: async () => null,
      },
      audit: { record: async () => undefined, read: async () => [] },
      snapshots: { take: () => Promise.reject(new Error('this test takes no snapshot')), drop: async () => false },
      finalizer: { finalize: () => Promise.reject(new Error('this test finalizes no day')) },
      intake: { accept: () => Promise.reject(new Error('this test takes no event')) },
      probes: [],
      ledger: () => emptyLedger,
      renderMetrics: async () => '',
      clock: new FakeClock(),
      instruments: noInstruments,
      exporter: { export: () => Promise.reject(new Error('this test exports nothing')) },
      exports: noExports,
      ...given,
    },
    // A fake clock stands still: what is under test is read each time, unless sharing is what is tested.
    { ...apiSettings, cacheMs: 0, ...options },
  );
  const find = createRouter(routes);
  const ask = async (method: HttpRoute['method'], tenant: string, target: string, given: AskOptions = {}) => {
    const url = new URL(target, 'http://collector');
    const match = find(method, url.pathname);
    if (match.kind !== 'found') throw new Error(`no route for ${url.pathname}`);
    const scope = match.route.scope ?? 'read';
    const principal: Principal = { tenant, scopes: new Set([scope]), keyName: 'test', contentAllowed: false };
    const request: HttpRequest = {
      method,
      path: url.pathname,
      params: match.params,
      query: url.searchParams,
      headers: new Map(Object.entries(given.headers ?? {})),
      body: Buffer.from(given.body ?? ''),
      signal: given.signal ?? new AbortController().signal,
    };
    const answer = await answerOf(await replyOf(async () => match.route.handle(request, principal)));
    checkAnswer(match.route, answer);
    return answer;
  };
  return {
    routes,
    get: (tenant, target, signal) => ask('GET', tenant, target, signal === undefined ? {} : { signal }),
    post: (tenant, target, body = '', headers = {}) => ask('POST', tenant, target, { body, headers }),
    delete: (tenant, target) => ask('DELETE', tenant, target),
  };
}

/** Every answer a test looks at is also held against what the description of the API says of it. */
function checkAnswer({ method, path, operation }: HttpRoute, { status, body }: Answer): void {
  if (operation === undefined || operation.answer.kind !== 'json') return;
  if (status !== (operation.status ?? 200) && !operation.answer.alsoStatuses?.includes(status)) return;
  const checked = operation.answer.schema.safeParse(body);
  if (!checked.success) {
    throw new Error(`the answer of ${method} ${path} is not as described: ${z.prettifyError(checked.error)}`);
  }
}

async function replyOf(handle: () => Promise<HttpReply>): Promise<HttpReply> {
  try {
    return await handle();
  } catch (error) {
    return problemOf(error);
  }
}

async function answerOf(reply: HttpReply): Promise<Answer> {
  const text = await textOf(reply.body ?? '');
  const headers = reply.headers ?? {};
  const isJson = headers['content-type']?.includes('json') === true;
  return { status: reply.status, headers, text, body: isJson ? JSON.parse(text) : {} };
}

async function textOf(body: NonNullable<HttpReply['body']>): Promise<string> {
  if (typeof body === 'string') return body;
  const chunks: Uint8Array[] = body instanceof Uint8Array ? [body] : [];
  if (!(body instanceof Uint8Array)) for await (const chunk of body) chunks.push(chunk);
  return Buffer.concat(chunks).toString();
}
