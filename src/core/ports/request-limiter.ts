import type { ErrorCode } from '../errors.js';
import type { Principal } from './authenticator.js';

export interface LimitRefusal {
  readonly code: ErrorCode;
  readonly message: string;
  /** Whole seconds, at least one. */
  readonly retryAfterSeconds: number;
}

/** How often a key may ask. */
export interface RequestLimiter {
  /** Counts one request of the key; null when it may go on. */
  tryRequest(principal: Principal): LimitRefusal | null;
}
