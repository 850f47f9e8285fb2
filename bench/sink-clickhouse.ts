import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';

/**
 * Answers like a ClickHouse server that swallows everything, so that the collector can be measured alone: pings,
 * statements and inserts succeed, selects return no row. What was inserted is only measured, not kept.
 */
export class SinkClickHouse {
  readonly #server: Server;
  insertedBytes = 0;
  inserts = 0;

  private constructor() {
    this.#server = createServer((request, response) => {
      this.#answer(request, response).catch(() => response.destroy());
    });
  }

  static async listen(): Promise<SinkClickHouse> {
    const sink = new SinkClickHouse();
    await new Promise<void>((resolve) => sink.#server.listen(0, '127.0.0.1', resolve));
    return sink;
  }

  get url(): string {
    const address = this.#server.address();
    return `http://127.0.0.1:${typeof address === 'object' && address !== null ? address.port : 0}`;
  }

  close(): Promise<void> {
    this.#server.closeAllConnections();
    return new Promise((resolve) => this.#server.close(() => resolve()));
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { searchParams, pathname } = new URL(request.url ?? '/', 'http://sink');
    const inUrl = searchParams.get('query') ?? '';
    const body = await this.#drain(request, /^\s*insert\b/i.test(inUrl));
    const sql = inUrl === '' ? body : inUrl;
    response.setHeader('X-ClickHouse-Server-Display-Name', 'sink');
    response.setHeader('X-ClickHouse-Summary', '{"read_rows":"0","written_rows":"0"}');
    response.setHeader('X-ClickHouse-Query-Id', searchParams.get('query_id') ?? '');
    response.end(pathname === '/ping' ? 'Ok.\n' : emptyAnswer(sql, searchParams.get('default_format')));
  }

  /** Reads the body; returns it when it is a statement and counts it when it is data. */
  async #drain(request: IncomingMessage, isInsert: boolean): Promise<string> {
    if (isInsert) this.inserts += 1;
    const chunks: Buffer[] = [];
    for await (const chunk of request as AsyncIterable<Buffer>) {
      if (isInsert) this.insertedBytes += chunk.length;
      else chunks.push(chunk);
    }
    return Buffer.concat(chunks).toString();
  }
}

/** No row, in the format that was asked for. */
function emptyAnswer(sql: string, defaultFormat: string | null): string {
  // Who asks is granted everything, in the JSONEachRow in which the collector asks.
  if (/^\s*check grant\b/i.test(sql)) return '{"result":1}\n';
  if (!/^\s*(select|with|show|describe)\b/i.test(sql)) return '';
  const format = /\bformat\s+(\w+)\s*;?\s*$/i.exec(sql)?.[1] ?? defaultFormat ?? 'TabSeparated';
  return /^JSON(Compact|Strings)?$/.test(format) ? '{"meta":[],"data":[],"rows":0}' : '';
}
