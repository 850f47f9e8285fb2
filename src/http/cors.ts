import type { HttpReply } from '../core/ports/http-route.js';

/** What a page may send beside what every page may; the key travels in a header, so no cookie is ever asked for. */
const allowedHeaders = 'authorization, content-type, content-encoding, idempotency-key';
/** What a page may read of an answer beside what every page may. */
const exposedHeaders = [
  'age',
  'cache-status',
  'content-disposition',
  'idempotency-answer',
  'link',
  'retry-after',
  'www-authenticate',
  'x-next-cursor',
  'x-total-count',
  'x-total-is-exact',
].join(', ');
/** How long a browser may go on without asking again; none keeps it for longer than a day, most for two hours. */
const preflightMaxAgeSeconds = 7_200;

/**
 * Which pages of other origins a browser lets read our answers (the CORS protocol of the Fetch standard). Origins are
 * compared as a whole, as browsers write them; `*` allows all. Credentials are never allowed: the API key is sent by
 * the page itself, a browser has none of its own to add.
 */
export class CorsPolicy {
  readonly #origins: ReadonlySet<string>;

  constructor(options: { readonly corsOrigins: readonly string[] }) {
    this.#origins = new Set(options.corsOrigins);
  }

  allows(origin: string | undefined): boolean {
    return origin !== undefined && (this.#origins.has('*') || this.#origins.has(origin));
  }

  /** Whether a request asks if another may be sent, from a page that may. */
  isPreflight(method: string, headers: ReadonlyMap<string, string>): boolean {
    return method === 'OPTIONS' && headers.has('access-control-request-method') && this.allows(headers.get('origin'));
  }

  /** `methods` are those of the path. */
  preflightReply(methods: readonly string[]): HttpReply {
    return {
      status: 204,
      headers: {
        'access-control-allow-methods': methods.join(', '),
        'access-control-allow-headers': allowedHeaders,
        'access-control-max-age': String(preflightMaxAgeSeconds),
        // Caches on the way: the answer is that to this method and these headers.
        vary: 'access-control-request-method, access-control-request-headers',
      },
    };
  }

  /** An answer of any kind, with what the browser must be told before it shows it to the page. */
  shared(reply: HttpReply, origin: string | undefined): HttpReply {
    if (this.#origins.size === 0) return reply;
    const everyone = this.#origins.has('*');
    const vary = [reply.headers?.vary, everyone ? undefined : 'origin'].filter((name) => name !== undefined).join(', ');
    const headers = {
      ...reply.headers,
      ...(vary === '' ? {} : { vary }),
      ...(this.allows(origin)
        ? {
            'access-control-allow-origin': everyone ? '*' : (origin ?? ''),
            'access-control-expose-headers': exposedHeaders,
          }
        : {}),
    };
    return { ...reply, headers };
  }
}
