import { readServerMessage } from './server-message.js';
import type { Connection, ConnectionHandlers, ConnectionOptions } from './wire.js';

/** A WebSocket of the browser's: it has no headers, no pings, and does not say why it could not be opened. */
export class WebConnection implements Connection {
  readonly #socket: WebSocket;
  readonly #handlers: ConnectionHandlers;
  #hasEnded = false;
  /** Something was sent, and nothing heard since. */
  #waits = true;

  constructor(handlers: ConnectionHandlers, { url, key }: ConnectionOptions) {
    this.#handlers = handlers;
    const address = new URL(url);
    address.searchParams.set('format', 'json');
    this.#socket = new WebSocket(address, ['tidemark.v1', `tidemark.key.${key}`]);
    this.#socket.onmessage = ({ data }) => {
      if (this.#hasEnded) return;
      this.#waits = false;
      handlers.activity();
      const message = messageIn(data);
      if (message !== null) handlers.message(message);
    };
    this.#socket.onclose = ({ code, reason }) => this.#end(code, reason);
  }

  send(data: Uint8Array | string): void {
    this.#waits = true;
    this.#socket.send(data as string);
  }

  /** When no answer is due, silence is no sign. */
  ping(): void {
    if (!this.#waits) this.#handlers.activity();
  }

  bufferedBytes(): number {
    return this.#socket.bufferedAmount;
  }

  close(): void {
    this.#socket.close(1000);
  }

  /** The browser waits for the other side, which may be gone: for us it ends now. */
  terminate(): void {
    this.#socket.close();
    this.#end(null, 'nothing was heard');
  }

  #end(closeCode: number | null, reason: string): void {
    if (this.#hasEnded) return;
    this.#hasEnded = true;
    this.#handlers.closed({ refusal: null, closeCode, reason });
  }
}

function messageIn(data: unknown) {
  try {
    return typeof data === 'string' ? readServerMessage(JSON.parse(data)) : null;
  } catch {
    return null;
  }
}
