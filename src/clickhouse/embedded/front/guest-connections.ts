import type { Server } from 'node:http';
import type { Socket } from 'node:net';
import type { OpenFiles } from '../../../core/open-files.js';

/** Of the files that the engine may open, a quarter of those that are left when it has started. */
export function affordableGuests(asked: number, open: OpenFiles | null): number {
  return open === null ? asked : Math.max(1, Math.min(asked, Math.floor((open.limit - open.used) / 4)));
}

/**
 * Bounds the connections of a server without letting those that do nothing keep others out: when there are too many,
 * the one that has been idle for the longest makes room, and only if none is idle the new one has to go. A connection
 * whose request has not arrived whole in its head is idle.
 */
export class GuestConnections {
  readonly #connectionsMax: number;
  readonly #onCut: () => void;
  /** Requests under way by connection; idle ones are in the order in which they became so. */
  readonly #underWay = new Map<Socket, number>();

  constructor(server: Server, options: { readonly connectionsMax: number; readonly onCut: () => void }) {
    this.#connectionsMax = options.connectionsMax;
    this.#onCut = options.onCut;
    server.on('connection', (socket: Socket) => this.#admit(socket));
    server.on('request', ({ socket }, response) => {
      this.#change(socket, 1);
      response.once('close', () => this.#change(socket, -1));
    });
  }

  get count(): number {
    return this.#underWay.size;
  }

  #admit(socket: Socket): void {
    if (this.#underWay.size >= this.#connectionsMax) {
      const idle = [...this.#underWay].find(([, requests]) => requests === 0)?.[0];
      this.#onCut();
      (idle ?? socket).destroy();
      if (idle === undefined) return;
      this.#underWay.delete(idle);
    }
    this.#underWay.set(socket, 0);
    socket.once('close', () => this.#underWay.delete(socket));
  }

  #change(socket: Socket, by: number): void {
    const requests = this.#underWay.get(socket);
    if (requests === undefined) return;
    // Set anew, it is the last again.
    this.#underWay.delete(socket);
    this.#underWay.set(socket, requests + by);
  }
}
