import type { Clock, Timer } from '../core/clock.js';
import { CollectorError, errorTable } from '../core/errors.js';
import type { PlaceRefusal } from './shared-places.js';

export interface BodyLimits {
  readonly bytesMax: number;
  /** As its sender tells them beforehand, at most `bytesMax`; null when it does not. */
  readonly bytesTold: number | null;
  /** Time all of it may take. */
  readonly timeoutMs: number;
  /** What must have arrived on average, after `rateGraceMs`. */
  readonly bytesPerSecondMin: number;
}

/** Where a body comes from: chunks, then an end. The chunks are the reader's only until the callback returns. */
export interface BodySource {
  on(event: 'data', callback: (chunk: Uint8Array) => void): unknown;
  on(event: 'end', callback: () => void): unknown;
}

export interface BodyDeps {
  readonly clock: Clock;
  /** Takes room in the memory that all bodies share, or says why there is none. */
  readonly tryTake: (bytes: number) => PlaceRefusal | null;
  readonly give: (bytes: number) => void;
}

/** A slow start costs nothing: the handshake of a new connection on a bad link. */
const rateGraceMs = 5_000;
const rateCheckMs = 1_000;
const firstBytes = 4_096;

/**
 * A request body of at most `bytesMax` bytes in one buffer that doubles: a body that comes byte by byte costs what one
 * that comes whole does, at most twice its bytes, and no object a chunk.
 */
export class RequestBody {
  /** Rejects with `body_too_large`, `request_timeout`, or what there was no room for, as soon as it is known. */
  readonly whole: Promise<Uint8Array>;
  readonly #limits: BodyLimits;
  readonly #deps: BodyDeps;
  readonly #startedMs: number;
  #buffer = new Uint8Array(0);
  #bytes = 0;
  #settled = false;
  #complete = false;
  #timer: Timer;
  #resolve: (body: Uint8Array) => void = () => {};
  #reject: (error: CollectorError) => void = () => {};

  constructor(source: BodySource, limits: BodyLimits, deps: BodyDeps) {
    this.#limits = limits;
    this.#deps = deps;
    this.#startedMs = deps.clock.monotonicMs();
    this.whole = new Promise((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
    });
    this.#timer = deps.clock.setTimer(Math.min(rateGraceMs, limits.timeoutMs), () => this.#checkRate());
    source.on('data', (chunk) => this.#add(chunk));
    source.on('end', () => this.#end());
  }

  /** All of it has arrived. */
  get complete(): boolean {
    return this.#complete;
  }

  /** The client went away. */
  abandon(): void {
    this.#fail('request_timeout', 'the client went away');
  }

  /** What came is no body: its chunks make no sense. */
  garble(): void {
    this.#fail('body_invalid', 'the body is not framed as HTTP/1.1 says');
  }

  /** Gives its memory back; the bytes must not be used any more. Idempotent. */
  release(): void {
    this.#fail('request_timeout', 'nobody waits for the body');
    this.#deps.give(this.#buffer.length);
    this.#buffer = new Uint8Array(0);
  }

  /** Hot path: once a chunk. */
  #add(chunk: Uint8Array): void {
    if (this.#settled) return;
    const bytes = this.#bytes + chunk.length;
    if (bytes > this.#limits.bytesMax) {
      this.#fail('body_too_large', `the body is larger than ${this.#limits.bytesMax} bytes`);
      return;
    }
    if (bytes > this.#buffer.length && !this.#tryGrow(bytes)) return;
    this.#buffer.set(chunk, this.#bytes);
    this.#bytes = bytes;
  }

  #end(): void {
    if (this.#settled) return;
    this.#complete = true;
    this.#settle();
    this.#resolve(this.#buffer.subarray(0, this.#bytes));
  }

  #tryGrow(bytes: number): boolean {
    const { bytesMax, bytesTold } = this.#limits;
    const doubled = Math.min(Math.max(2 * this.#buffer.length, firstBytes), bytesTold ?? bytesMax);
    const capacity = Math.max(bytes, doubled);
    const refusal = this.#deps.tryTake(capacity - this.#buffer.length);
    if (refusal !== null) {
      this.#fail(refusal, `cannot hold the body: ${errorTable[refusal].meaning}`);
      return false;
    }
    const grown = new Uint8Array(capacity);
    grown.set(this.#buffer.subarray(0, this.#bytes));
    this.#buffer = grown;
    return true;
  }

  #checkRate(): void {
    const { timeoutMs, bytesPerSecondMin } = this.#limits;
    const elapsedMs = this.#deps.clock.monotonicMs() - this.#startedMs;
    if (elapsedMs >= timeoutMs) {
      this.#fail('request_timeout', `the body did not arrive within ${timeoutMs} ms`);
    } else if (this.#bytes < (bytesPerSecondMin * elapsedMs) / 1_000) {
      this.#fail('request_timeout', `the body arrives at less than ${bytesPerSecondMin} bytes a second`);
    } else {
      this.#timer = this.#deps.clock.setTimer(Math.min(rateCheckMs, timeoutMs - elapsedMs), () => this.#checkRate());
    }
  }

  #fail(code: PlaceRefusal | 'body_too_large' | 'body_invalid' | 'request_timeout', message: string): void {
    if (this.#settled) return;
    this.#settle();
    this.#reject(new CollectorError(code, message));
  }

  #settle(): void {
    this.#settled = true;
    this.#timer.cancel();
  }
}
