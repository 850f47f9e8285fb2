import type { RawData } from 'ws';
import { WebSocket } from 'ws';
import { parseServerMessage, type ServerMessage } from './server-message.js';

/** The one file that knows the WebSocket package: Node 20 has no client of its own. */
export interface ConnectionHandlers {
  message(message: ServerMessage): void;
  /** A message, a ping or a pong: the other side is alive. */
  activity(): void;
  /** Once, also when the connection was never opened. */
  closed(end: ConnectionEnd): void;
}

export interface ConnectionEnd {
  /** HTTP status of a refused upgrade, null otherwise. */
  readonly httpStatus: number | null;
  readonly closeCode: number | null;
  /** Close reason, or what the network said. */
  readonly reason: string;
}

export interface ConnectionOptions {
  /** With `/v1/stream` and the producer. */
  readonly url: string;
  readonly key: string;
  readonly openMsMax: number;
  /** Whether an open connection keeps the process alive. */
  readonly holds: boolean;
}

export class Connection {
  readonly #socket: WebSocket;
  #ended = false;

  constructor(handlers: ConnectionHandlers, options: ConnectionOptions) {
    const socket = new WebSocket(options.url, ['tidemark.v1'], {
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
    const end = (httpStatus: number | null, closeCode: number | null, reason: string): void => {
      if (this.#ended) return;
      this.#ended = true;
      handlers.closed({ httpStatus, closeCode, reason });
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
      response.resume();
      request.destroy();
      end(response.statusCode ?? 0, null, `the upgrade was answered with ${response.statusCode}`);
    });
    socket.on('error', (error) => end(null, null, error.message));
    socket.on('close', (code, reason) => end(null, code, reason.toString()));
  }

  /** `bytes` must not change until the socket has taken them; frames are never written to after they are stamped. */
  send(bytes: Uint8Array): void {
    this.#socket.send(bytes, { binary: true });
  }

  ping(): void {
    if (this.#socket.readyState === WebSocket.OPEN) this.#socket.ping();
  }

  bufferedBytes(): number {
    return this.#socket.bufferedAmount;
  }

  /** Says goodbye; `closed` still follows. */
  close(): void {
    this.#socket.close(1000);
  }

  /** Drops the connection at once; `closed` still follows. */
  terminate(): void {
    this.#socket.terminate();
  }
}

function bytesOf(data: RawData): Uint8Array {
  if (Array.isArray(data)) return Buffer.concat(data);
  return data instanceof ArrayBuffer ? new Uint8Array(data) : data;
}
