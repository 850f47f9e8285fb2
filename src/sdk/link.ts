import { backoffMs } from '../core/backoff.js';
import type { Clock, Random, Timer } from '../core/clock.js';
import { ClientError, type KeySource, keyOf } from './client-options.js';
import { faultCodes } from './codes.js';
import type { ServerMessage } from './server-message.js';
import type { Connection, ConnectionEnd, Wire } from './wire.js';

export interface LinkHandlers {
  message(message: ServerMessage): void;
  /** The connection is gone. A retryable error: the next one is on its way. Any other: there will be none. */
  down(error: ClientError): void;
}

export interface LinkOptions {
  readonly url: string;
  readonly key: KeySource;
  readonly reconnectMsMin: number;
  readonly reconnectMsMax: number;
  readonly openMsMax: number;
  readonly silenceMsMax: number;
  readonly holds: boolean;
  readonly wire: Wire;
  /** Further codes after which there is no other try. */
  readonly isFinal?: ((code: string) => boolean) | undefined;
}

/** Keeps one connection open: connects again with growing, random delays until it is closed or refused for good. */
export class Link {
  readonly #handlers: LinkHandlers;
  readonly #clock: Clock;
  readonly #random: Random;
  readonly #options: LinkOptions;
  #connection: Connection | null = null;
  #connections = 0;
  #failedAttempts = 0;
  #lastHeardMs = 0;
  #timer: Timer | null = null;
  /** What an error message announced before the close that follows it. */
  #announced: ClientError | null = null;
  /** Before then another try is in vain, in seconds. */
  #retryAfter = 0;
  #isClosing = false;
  #closeWaiters: (() => void)[] = [];

  constructor(handlers: LinkHandlers, clock: Clock, random: Random, options: LinkOptions) {
    this.#handlers = handlers;
    this.#clock = clock;
    this.#random = random;
    this.#options = options;
    this.#connect();
  }

  get connections(): number {
    return this.#connections;
  }

  send(data: Uint8Array | string): void {
    this.#connection?.send(data);
  }

  bufferedBytes(): number {
    return this.#connection?.bufferedBytes() ?? 0;
  }

  /** The collector makes progress: the next failure counts as the first. */
  markHealthy(): void {
    this.#failedAttempts = 0;
  }

  /** Disconnects for good. Resolves when the connection is gone, at the latest after a second. */
  async close(): Promise<void> {
    this.#isClosing = true;
    this.#timer?.cancel();
    const connection = this.#connection;
    if (connection === null) return;
    const gone = new Promise<void>((resolve) => this.#closeWaiters.push(resolve));
    connection.close();
    const timer = this.#clock.setTimer(1_000, () => connection.terminate());
    await gone;
    timer.cancel();
  }

  #connect(): void {
    this.#announced = null;
    this.#retryAfter = 0;
    this.#lastHeardMs = this.#clock.monotonicMs();
    this.#connections += 1;
    const handlers = {
      message: (message: ServerMessage) => this.#onMessage(message),
      activity: () => {
        this.#lastHeardMs = this.#clock.monotonicMs();
      },
      closed: (end: ConnectionEnd) => this.#onClosed(end),
    };
    this.#connection = this.#options.wire.connect(handlers, { ...this.#options, key: keyOf(this.#options.key) });
    this.#watchSilence();
  }

  /** Asks after half the time and gives up after all of it: a dead peer leaves no other sign. */
  #watchSilence(): void {
    this.#timer = this.#clock.setTimer(this.#options.silenceMsMax / 2, () => {
      const silentMs = this.#clock.monotonicMs() - this.#lastHeardMs;
      if (silentMs >= this.#options.silenceMsMax) this.#connection?.terminate();
      else this.#connection?.ping();
      this.#watchSilence();
    });
  }

  #onMessage(message: ServerMessage): void {
    if (message.op === 'error') {
      this.#announced = this.#errorOf(message.code, message.message);
      this.#retryAfter = message.retry_after ?? 0;
    } else {
      this.#handlers.message(message);
    }
  }

  #onClosed(end: ConnectionEnd): void {
    this.#connection = null;
    this.#timer?.cancel();
    for (const resolve of this.#closeWaiters.splice(0)) resolve();
    if (this.#isClosing) return;
    const error = this.#announced ?? this.#errorOfEnd(end);
    if (error.retryable) {
      this.#timer = this.#clock.setTimer(this.#reconnectDelayMs(), () => this.#connect());
    }
    this.#handlers.down(error);
  }

  #reconnectDelayMs(): number {
    const { reconnectMsMin: delayMsMin, reconnectMsMax: delayMsMax } = this.#options;
    this.#failedAttempts += 1;
    const delayMs = backoffMs({ delayMsMin, delayMsMax }, this.#failedAttempts, this.#random);
    return Math.max(delayMs, 1_000 * Math.min(this.#retryAfter, retryAfterMax));
  }

  #errorOfEnd({ refusal, closeCode, reason }: ConnectionEnd): ClientError {
    return this.#errorOf(refusal ?? 'connection_lost', `cannot stream: ${reason || `close code ${closeCode}`}`);
  }

  #errorOf(code: string, message: string): ClientError {
    return new ClientError(code, message, { retryable: !faultCodes.test(code) && !this.#options.isFinal?.(code) });
  }
}

/** However long the collector asks to wait, in seconds: a limit may be raised before. */
export const retryAfterMax = 900;
