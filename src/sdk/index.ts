import { nodeSurroundings } from './record/node.js';
import type { TidemarkOptions } from './record/options.js';
import { Tidemark } from './record/tidemark.js';
import type { TlsOptions } from './tls-options.js';
import { wireFor } from './tls-wire.js';

/** What agents import. */
export type { TidemarkClient } from './client.js';
export {
  type Acknowledgement,
  ClientError,
  type ClientOptions,
  type ClientStats,
  type Rejection,
  type SendOutcome,
} from './client-options.js';
export { createTidemarkClient } from './create-client.js';
export type { TidemarkEvent } from './event.js';
export type { Handle } from './record/handle.js';
export type {
  FailOptions,
  Flushed,
  KindOptions,
  Overflow,
  RetryOptions,
  RunOptions,
  Stats,
  StepOptions,
  TaskOptions,
  TidemarkOptions,
  Usage,
} from './record/options.js';
export type { Tidemark } from './record/tidemark.js';
export type { Feedback, ObserveOptions, Pattern } from './record/words.js';
export type { TlsOptions } from './tls-options.js';

/**
 * Of one process there is one, made at its start; its options are in the documentation of `TidemarkOptions`. Throws
 * TypeError for `overflow: 'disk'` without a directory, and for a certificate without its key: nothing later could mend
 * that.
 */
export function tidemark(options: TidemarkOptions & TlsOptions = {}): Tidemark {
  if (options.overflow === 'disk' && options.directory === undefined) {
    throw new TypeError("cannot make a client: overflow 'disk' needs the option directory");
  }
  return new Tidemark({ ...nodeSurroundings, wire: wireFor(options) }, options);
}
