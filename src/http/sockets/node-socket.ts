import type { Socket as NetSocket } from 'node:net';
import type { Socket } from '../../core/ports/socket-route.js';
import { type GrantedUpgrade, openOn, type SocketServerDeps } from './socket-server.js';
import type { WsSocket } from './ws-library.js';

export interface NodeSocketOptions {
  readonly idleTimeoutSeconds: number;
  readonly outboundBytesMax: number;
}

/** A WebSocket of `ws` behind the `Socket` port; it becomes inert when it closes, whichever side began. */
export class NodeSocket implements Socket {
  readonly #ws: WsSocket;
  readonly #granted: GrantedUpgrade;
  readonly #deps: SocketServerDeps;
  readonly #options: NodeSocketOptions;
  readonly #sent = () => this.#tellDrained();
  #isOpen = true;
  #isWaiting = false;
  /** Bytes the client had sent at the last look that found more of them than the one before, and when that was. */
  #bytesHeard: number;
  #heardMs: number;
  #isAsked = false;

  constructor(ws: WsSocket, granted: GrantedUpgrade, deps: SocketServerDeps, options: NodeSocketOptions) {
    this.#ws = ws;
    this.#granted = granted;
    this.#deps = deps;
    this.#options = options;
    this.#bytesHeard = (granted.socket as NetSocket).bytesRead;
    this.#heardMs = deps.clock.monotonicMs();
  }

  open(): void {
    const { route, data } = this.#granted;
    // It is telling its client by a close, which that one may never answer.
    this.#ws.on('error', () => this.#end(abnormalClosure));
    this.#ws.on('message', (bytes: Buffer, isBinary) => {
      if (this.#isOpen) data.handlers?.message(bytes, isBinary);
    });
    this.#ws.on('close', (code) => this.#end(code));
    this.#deps.onOpen(this, data);
    openOn(route, this, data);
  }

  send(data: Uint8Array | string, kind?: 'binary' | 'text'): 'sent' | 'buffered' | 'dropped' {
    if (!this.#isOpen) return 'dropped';
    if (this.#ws.bufferedAmount > this.#options.outboundBytesMax) {
      this.terminate();
      return 'dropped';
    }
    this.#ws.send(data, { binary: typeof data !== 'string' && kind !== 'text', compress: false }, this.#sent);
    if (this.#ws.bufferedAmount === 0) return 'sent';
    this.#isWaiting = true;
    return 'buffered';
  }

  close(code: number, reason: string): void {
    if (!this.#isOpen) return;
    this.#ws.close(code, reason);
    this.#end(code);
  }

  /** Closes without a word. */
  terminate(): void {
    this.#ws.terminate();
    this.#end(abnormalClosure);
  }

  /** To be called every `lookMs`: closes after too long a silence, and asks for a pong before that. */
  lookForSilence(): void {
    const { bytesRead } = this.#granted.socket as NetSocket;
    const nowMs = this.#deps.clock.monotonicMs();
    if (bytesRead !== this.#bytesHeard) {
      this.#bytesHeard = bytesRead;
      this.#heardMs = nowMs;
      this.#isAsked = false;
      return;
    }
    const silentMs = nowMs - this.#heardMs;
    const idleMsMax = this.#options.idleTimeoutSeconds * 1_000;
    const askedMs = Math.max(idleMsMax / 2, idleMsMax - pongMsMax) - lookMs;
    if (silentMs >= idleMsMax) {
      this.terminate();
    } else if (silentMs >= askedMs && !this.#isAsked) {
      this.#isAsked = true;
      this.#ws.ping();
    }
  }

  #end(code: number): void {
    if (!this.#isOpen) return;
    this.#isOpen = false;
    const { data } = this.#granted;
    this.#deps.onClose(this, data);
    data.handlers?.closed(code);
  }

  #tellDrained(): void {
    if (!this.#isWaiting || !this.#isOpen || this.#ws.bufferedAmount > 0) return;
    this.#isWaiting = false;
    this.#granted.data.handlers?.drained?.();
  }
}

/** The code of a connection that ended without a close frame (RFC 6455, 7.1.5). */
const abnormalClosure = 1006;

export const lookMs = 2_000;

/** So long before its time is over a silent client is asked for a pong, if that is not more than half of the time. */
const pongMsMax = 8_000;
