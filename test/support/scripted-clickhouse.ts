import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { onTestFinished } from 'vitest';

export interface SeenRequest {
  readonly user: string;
  readonly url: URL;
  readonly body: Buffer;
}

/** Answers one request; what it leaves open stays open until the server closes. */
export type Answer = (request: SeenRequest, response: ServerResponse) => void;

/** ClickHouse's side of HTTP with scripted answers: for what a real engine does not do on demand. */
export class ScriptedClickhouse {
  readonly seen: SeenRequest[] = [];
  /** Requests whose client hung up before they were answered. */
  abandoned = 0;
  readonly url: string;

  private constructor(url: string) {
    this.url = url;
  }

  static async listen(answer: Answer): Promise<ScriptedClickhouse> {
    const server = createServer((request, response) => {
      void readBody(request).then((body) => {
        const seen = seenRequest(request, body);
        clickhouse.seen.push(seen);
        response.on('close', () => {
          if (!response.writableEnded) clickhouse.abandoned++;
        });
        answer(seen, response);
      });
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const clickhouse = new ScriptedClickhouse(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
    onTestFinished(async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    });
    return clickhouse;
  }
}

async function readBody(request: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  try {
    for await (const chunk of request) chunks.push(chunk as Buffer);
  } catch {
    // The client hung up while sending: what arrived is what was seen.
  }
  return Buffer.concat(chunks);
}

function seenRequest(request: IncomingMessage, body: Buffer): SeenRequest {
  const basic = Buffer.from((request.headers.authorization ?? '').replace(/^Basic /, ''), 'base64').toString();
  return { user: basic.split(':')[0] ?? '', url: new URL(request.url ?? '/', 'http://localhost'), body };
}

/** An exception as ClickHouse words it. */
export function exception(response: ServerResponse, number: number, name: string): void {
  response.writeHead(number === 516 ? 403 : 500, { 'X-ClickHouse-Exception-Code': String(number) });
  response.end(`Code: ${number}. DB::Exception: something is wrong. (${name}) (version 26.7.2.1 (official build))\n`);
}
