import type { Clock } from '../../core/clock.js';
import type { Wire } from '../wire.js';
import type { Delivery } from './delivery.js';
import type { DiskOptions } from './disk-delivery.js';
import type { Stats } from './options.js';

/**
 * What the words need of the place they run in. One file a place implements it (`node.ts`, `web.ts`), so that the rest
 * is the same in Node, Bun, Deno and a browser.
 */
export interface Surroundings {
  readonly wire: Wire;
  /** Its timers keep no process alive. */
  readonly clock: Clock;
  /** Its timers do: somebody waits for them. */
  readonly holdingClock: Clock;
  /** A variable of the asynchronous context, as AsyncLocalStorage has it. */
  createContext<Value>(): ContextVariable<Value>;
  /** The first eight bytes of SHA-256, as 16 hex digits. */
  hash(text: string): string;
  /** 0 to 1, for names that nobody guesses or repeats. */
  random(): number;
  /** So many hexadecimal digits of that quality, at most 64. */
  randomHex(digits: number): string;
  /** Codes of errors of the network and the machine; null where errors have none. */
  readonly networkCodes: RegExp | null;
  environment(name: string): string | undefined;
  /** Throws where there are no files, and when the directory cannot be used. */
  diskDelivery(options: DiskAsked): Delivery;
  /** Calls `persist` when the process ends, whatever way it can still be called. */
  atEnd(persist: () => void): () => void;
  /** Calls `flush` before the process ends by itself or by SIGTERM. Answers how to take that back. */
  beforeEnd(work: Unsent, options: { readonly signals: boolean }): () => void;
}

/** As whoever asks for it may have forgotten. */
type DiskAsked = Omit<DiskOptions, 'directory'> & { readonly directory: string | undefined };

/** What an end waits for. */
export interface Unsent {
  counts(): Pick<Stats, 'offered' | 'pending'>;
  flush(): Promise<unknown>;
}

export interface ContextVariable<Value> {
  get(): Value | undefined;
  /** Runs `work` with the value, also in all that it begins. */
  run<Result>(value: Value | undefined, work: () => Result): Result;
}
