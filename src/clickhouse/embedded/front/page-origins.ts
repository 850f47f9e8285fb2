import type { IncomingMessage, ServerResponse } from 'node:http';

/**
 * Pages that may query the open port (the CORS protocol of the Fetch standard), as `@clickhouse/client-web` does. They
 * bring a user and a password of their own: a browser has none to add. None unless origins were configured.
 */
export class PageOrigins {
  readonly #origins: ReadonlySet<string>;

  constructor(origins: readonly string[]) {
    this.#origins = new Set(origins);
  }

  allows(origin: string): boolean {
    return this.#origins.has('*') || this.#origins.has(origin);
  }

  /** Lets the page read what follows; true when the request only asked whether it may send another, and is answered. */
  share({ method, headers }: IncomingMessage, response: ServerResponse): boolean {
    if (this.#origins.size === 0) return false;
    const { origin } = headers;
    response.setHeader('Vary', 'Origin');
    if (origin === undefined || !this.allows(origin)) return false;
    response.setHeader('Access-Control-Allow-Origin', origin);
    response.setHeader('Access-Control-Expose-Headers', exposedHeaders);
    if (method !== 'OPTIONS' || headers['access-control-request-method'] === undefined) return false;
    response.setHeader('Access-Control-Allow-Methods', 'GET, HEAD, POST');
    response.setHeader('Access-Control-Allow-Headers', allowedHeaders);
    response.setHeader('Access-Control-Max-Age', String(preflightMaxAgeSeconds));
    response.writeHead(204).end();
    return true;
  }
}

const allowedHeaders = [
  'Authorization',
  'Content-Encoding',
  'Content-Type',
  'X-ClickHouse-Database',
  'X-ClickHouse-Format',
  'X-ClickHouse-Key',
  'X-ClickHouse-Query-Id',
  'X-ClickHouse-User',
].join(', ');

const exposedHeaders = [
  'Retry-After',
  'X-ClickHouse-Exception-Code',
  'X-ClickHouse-Exception-Tag',
  'X-ClickHouse-Format',
  'X-ClickHouse-Progress',
  'X-ClickHouse-Query-Id',
  'X-ClickHouse-Server-Display-Name',
  'X-ClickHouse-Summary',
  'X-ClickHouse-Timezone',
].join(', ');

/** None of the browsers keeps it for longer than a day, most for two hours. */
const preflightMaxAgeSeconds = 7_200;
