import { CollectorError, type ErrorCode, errorTable } from '../core/errors.js';
import type { LiveInstruments } from '../core/instruments.js';
import type { Socket, SocketHandlers, SocketRequest, SocketRoute } from '../core/ports/socket-route.js';
import type { LiveHub } from './live-hub.js';
import type { LiveMessage } from './live-message.js';
import { parseLiveQuery } from './live-query.js';
import type { LiveOutlet } from './subscriber.js';

/**
 * WebSocket `/api/v1/live?agent_id&run_id&type&status`: the server talks, in JSON text; what a client says is ignored.
 *
 *   {op: "hello", filter, known_since}        once
 *   {op: "snapshot", at, runs, tasks, …}      what is under way: once, and after each gap
 *   {op: "events", seq, events: […]}          what became durable; seq counts these messages of one filter
 *   {op: "progress", runs: […]}               runs that changed, as in the snapshot, four times a second at most
 *   {op: "dropped", count}                    events lost because the client read too slowly
 *   {op: "error", code, message}, then close  as on /v1/stream
 */
export class LiveSocketRoute implements SocketRoute {
  readonly path = '/api/v1/live';
  readonly scope = 'read';
  readonly protocol = 'tidemark.v1';
  readonly summary = 'Tells what happens now: a snapshot, then events and the progress of runs';
  /** Nothing is expected of a client. */
  readonly payloadBytesMax = 1_024;
  readonly #hub: LiveHub;
  readonly #instruments: LiveInstruments;

  constructor(deps: { readonly hub: LiveHub; readonly instruments: LiveInstruments }) {
    this.#hub = deps.hub;
    this.#instruments = deps.instruments;
  }

  errorMessage({ code, message }: { readonly code: ErrorCode; readonly message: string }): string {
    return JSON.stringify({ op: 'error', code, message });
  }

  open(socket: Socket, { principal, query }: SocketRequest): SocketHandlers {
    try {
      const outlet = new SocketOutlet(socket);
      const subscriber = this.#hub.subscribe(principal.tenant, parseLiveQuery(query, principal.user ?? null), outlet);
      return {
        message() {},
        drained: () => subscriber.drained(),
        end: (code) => endWith(socket, code),
        closed: () => this.#hub.unsubscribe(subscriber),
      };
    } catch (error) {
      const { code, message } =
        error instanceof CollectorError ? error : new CollectorError('internal', errorTable.internal.meaning);
      if (code === 'parameter_invalid') this.#instruments.refused.inc({ reason: code });
      endWith(socket, code, message);
      return { message() {}, end() {}, closed() {} };
    }
  }

  /** At stop: ends the subscriptions, those over HTTP too, which would otherwise be waited for. */
  async drain(): Promise<void> {
    this.#hub.stop();
  }
}

class SocketOutlet implements LiveOutlet {
  readonly #socket: Socket;

  constructor(socket: Socket) {
    this.#socket = socket;
  }

  send(message: LiveMessage): boolean {
    return this.#socket.send(message.json, 'text') === 'sent';
  }

  end(): void {
    endWith(this.#socket, 'stopping');
  }
}

function endWith(socket: Socket, code: ErrorCode, message: string = errorTable[code].meaning): void {
  socket.send(JSON.stringify({ op: 'error', code, message }));
  socket.close(errorTable[code].closeCode ?? 1011, code);
}
