import type { SecureContextOptions } from 'node:tls';
import type { RawData } from 'ws';
import { WebSocket } from 'ws';
import { parseServerMessage } from './binary-message.js';
import type { Connection, ConnectionHandlers, ConnectionOptions } from './wire.js';

/** The one file that knows the WebSocket package: Node 20 has no client of its own, and none of Node's lets go. */
export class WsConnection implements Connection {
  readonly #socket: WebSocket;
  #ended = false;

  constructor(handlers: ConnectionHandlers, options: ConnectionOptions & { readonly tls?: SecureContextOptions }) {
    const socket = new WebSocket(options.url, ['tidemark.v1'], {
      ...options.tls,
      headers: { authorization: `Bearer ${options.key}` },
      handshakeTimeout: options.openMsMax,
      // Telemetry frames are small and frequent; deflate costs more CPU than it saves on a local network.
      perMessageDeflate: false,
      finishRequest(request) {
        if (!options.holds) request.once('socket', (opened) => opened.unref());
        request.end();
      },
    });
    this.#socket = socket;
    const end = (refusal: string | null, closeCode: number | null, reason: string): void => {
      if (this.#ended) return;
      this.#ended = true;
      handlers.closed({ refusal, closeCode, reason });
    };
    socket.on('message', (data, isBinary) => {
      if (this.#ended) return;
      handlers.activity();
      const message = parseServerMessage(bytesOf(data), isBinary);
      if (message !== null) handlers.message(message);
    });
    socket.on('ping', () => handlers.activity());
    socket.on('pong', () => handlers.activity());
    socket.on('unexpected-response', (request, response) => {
      const { statusCode = 0 } = response;
      let text = '';
      response.setEncoding('utf8');
      response.on('data', (part: string) => {
        text = (text + part).slice(0, answerCharactersMax);
      });
      const settle = () => {
        request.destroy();
        const { code, reason } = refusalIn(text);
        const answered = `the upgrade was answered with ${statusCode}`;
        end(code ?? codeOfStatus[statusCode] ?? null, null, reason ?? answered);
      };
      response.once('close', settle);
      response.setTimeout(answerMsMax, settle);
    });
    // Of a name with several addresses, none of which answers, there is but a code.
    socket.on('error', (error: NodeJS.ErrnoException) => end(null, null, error.message || String(error.code)));
    socket.on('close', (code, reason) => end(null, code, reason.toString()));
  }

  send(data: Uint8Array | string): void {
    this.#socket.send(data, { binary: typeof data !== 'string' });
  }

  ping(): void {
    if (this.#socket.readyState === WebSocket.OPEN) this.#socket.ping();
  }

  bufferedBytes(): number {
    return this.#socket.bufferedAmount;
  }

  close(): void {
    this.#socket.close(1000);
  }

  terminate(): void {
    this.#socket.terminate();
  }
}

const answerCharactersMax = 4_096;
const answerMsMax = 1_000;

/** What the collector says of a refused upgrade; nothing of anybody between. */
function refusalIn(text: string): { readonly code?: string; readonly reason?: string } {
  try {
    const { code, title, detail = title } = Object(JSON.parse(text)) as Readonly<Record<string, unknown>>;
    if (typeof code !== 'string') return {};
    return typeof detail === 'string' ? { code, reason: detail } : { code };
  } catch {
    return {};
  }
}

/** Of an answer that says no more. */
const codeOfStatus: Readonly<Record<number, string>> = {
  400: 'producer_invalid',
  401: 'key_invalid',
  403: 'scope_missing',
  404: 'path_unknown',
};

function bytesOf(data: RawData): Uint8Array {
  if (Array.isArray(data)) return Buffer.concat(data);
  return data instanceof ArrayBuffer ? new Uint8Array(data) : data;
}
