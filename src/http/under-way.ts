import type { Duplex } from 'node:stream';
import type { Principal } from '../core/ports/authenticator.js';
import type { RequestBody } from './body-reader.js';

/** A request that has no answer yet. */
export interface Exchange {
  readonly connection: Duplex;
  body: RequestBody | null;
  /** What follows on the connection is no request: its answer is the last. */
  last: boolean;
  /** Of an answer that does not end by itself: who is given it. */
  reader: Principal | null;
}

/** Requests under way, by connection: a pipelining client has several. */
export class UnderWay {
  readonly #exchanges = new Map<Duplex, Set<Exchange>>();
  /** Connections whose last answer is on its way or written. */
  readonly #ending = new WeakSet<Duplex>();
  #count = 0;

  get count(): number {
    return this.#count;
  }

  begin(connection: Duplex): Exchange {
    const exchange: Exchange = { connection, body: null, last: false, reader: null };
    const others = this.#exchanges.get(connection);
    if (others === undefined) this.#exchanges.set(connection, new Set([exchange]));
    else others.add(exchange);
    this.#count += 1;
    return exchange;
  }

  end(exchange: Exchange): void {
    const all = this.#exchanges.get(exchange.connection);
    if (all?.delete(exchange) !== true) return;
    this.#count -= 1;
    if (all.size === 0) this.#exchanges.delete(exchange.connection);
  }

  /** Cuts answers that do not end by themselves, of those who may read no more. */
  cut(isGone: (reader: Principal) => boolean): void {
    for (const exchange of [...this.#exchanges.values()].flatMap((all) => [...all])) {
      if (exchange.reader !== null && isGone(exchange.reader)) exchange.connection.destroy();
    }
  }

  /** Its answer says that the connection ends with it. */
  conclude({ connection }: Exchange): void {
    this.#ending.add(connection);
  }

  /** What is read from it now is no request: its sender was told that there will be no answer. */
  isEnding(connection: Duplex): boolean {
    return this.#ending.has(connection);
  }

  /** Bytes came that are no HTTP: a body's, or behind the last request. False when no request is under way. */
  garble(connection: Duplex): boolean {
    const last = [...(this.#exchanges.get(connection) ?? [])].at(-1);
    if (last === undefined) return false;
    last.last = true;
    last.body?.garble();
    return true;
  }
}
