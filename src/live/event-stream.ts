import type { Clock, Timer } from '../core/clock.js';
import type { LiveMessage } from './live-message.js';
import type { LiveOutlet } from './subscriber.js';

/** A comment this often keeps proxies from taking a quiet stream for a dead one. */
const heartbeatMs = 15_000;
/** A client whose connection broke comes back after this long. */
const preface = Buffer.from('retry: 2000\n\n');
const heartbeat = Buffer.from(': \n\n');

type Taken = IteratorResult<Uint8Array, undefined>;
const done: Taken = { done: true, value: undefined };

/**
 * Messages as the body of an answer that does not end: each is asked for by the writer of the answer once the socket
 * has taken the one before, so a slow client is known by what it does not ask for.
 */
export class EventStream implements LiveOutlet, AsyncIterableIterator<Uint8Array, undefined> {
  readonly #clock: Clock;
  #timer: Timer | null = null;
  /** Comes next, whatever else is there. */
  #held: Uint8Array[] = [preface];
  #waiting: ((taken: Taken) => void) | null = null;
  #closed = false;
  #onWanted: () => void = () => {};
  #onClosed: () => void = () => {};

  constructor(clock: Clock) {
    this.#clock = clock;
    this.#beat();
  }

  /** `onWanted`: a message can be taken; `onClosed`: none will be taken any more, called once. */
  open(callbacks: { readonly onWanted: () => void; readonly onClosed: () => void }): void {
    this.#onWanted = callbacks.onWanted;
    this.#onClosed = callbacks.onClosed;
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  send(message: LiveMessage): boolean {
    if (!this.#tryGive(message.serverSent)) this.#held.push(message.serverSent);
    return false;
  }

  next(): Promise<Taken> {
    const held = this.#held.shift();
    if (held !== undefined) return Promise.resolve({ done: false, value: held });
    if (this.#closed) return Promise.resolve(done);
    return new Promise((resolve) => {
      this.#waiting = resolve;
      this.#onWanted();
    });
  }

  /** The writer gave up: the client has gone or took nothing for too long. */
  return(): Promise<Taken> {
    this.close();
    return Promise.resolve(done);
  }

  end(): void {
    this.close();
  }

  /** Idempotent. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#timer?.cancel();
    this.#waiting?.(done);
    this.#waiting = null;
    this.#onClosed();
  }

  #tryGive(chunk: Uint8Array): boolean {
    const waiting = this.#waiting;
    if (waiting === null) return false;
    this.#waiting = null;
    waiting({ done: false, value: chunk });
    return true;
  }

  /** A stream that is not waiting has something to send anyway. */
  #beat(): void {
    this.#timer = this.#clock.setTimer(heartbeatMs, () => {
      this.#tryGive(heartbeat);
      this.#beat();
    });
  }
}
