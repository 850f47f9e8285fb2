import type { ErrorCategory, stepKinds } from '../../core/event-types.js';
import type { TidemarkEvent } from '../event.js';
import type { Classify } from './failure.js';
import type { Scalar } from './mend.js';

export type StepKind = Exclude<keyof typeof stepKinds, ''>;

/** What is told once, by a run or a client, and holds for everything inside. */
export interface Shared {
  readonly agent?: string | undefined;
  readonly agentName?: string | undefined;
  readonly agentVersion?: string | undefined;
  readonly session?: string | undefined;
  readonly user?: string | undefined;
  readonly flow?: string | undefined;
  readonly crew?: string | undefined;
  readonly engagement?: string | undefined;
  readonly environment?: string | undefined;
}

/** Of a run, a task or a step. */
interface WorkOptions {
  /** Default: a new one. */
  readonly id?: string;
  /** With the `id` of something that others try again, from 2; inside `retry` it is counted. */
  readonly attempt?: number;
  readonly labels?: Readonly<Record<string, Scalar>>;
  /** Parameters as they may be kept: a flat map of scalars. */
  readonly inputs?: Readonly<Record<string, Scalar>>;
  /** Hashed in this process, so that equal calls can be told; never sent. */
  readonly args?: unknown;
  readonly confidence?: number;
}

export interface RunOptions extends WorkOptions, Shared {}

export interface TaskOptions extends WorkOptions, Shared {}

export interface StepOptions extends WorkOptions {
  readonly model?: string;
  readonly provider?: string;
}

export interface KindOptions extends StepOptions {
  readonly kind?: StepKind;
}

/** What a model call used; counts add up over the calls of a handle, texts are those of the last. */
export interface Usage {
  readonly model?: string | undefined;
  readonly provider?: string | undefined;
  /** All input tokens, cached ones included. */
  readonly in?: number | undefined;
  readonly out?: number | undefined;
  /** Parts of `in`. */
  readonly cacheRead?: number | undefined;
  readonly cacheWrite?: number | undefined;
  /** Part of `out`. */
  readonly reasoning?: number | undefined;
  /** Model calls: 1 unless told. */
  readonly calls?: number | undefined;
  /** Millionths of a US dollar; left out when it is not known. */
  readonly costMicros?: number | undefined;
  readonly finishReason?: string | undefined;
  readonly memoryMb?: number | undefined;
}

export interface FailOptions {
  readonly category?: ErrorCategory;
  readonly code?: string;
}

export interface RetryOptions {
  /** Attempts at most, the first among them. */
  readonly times: number;
  /** Wait before the next attempt; a function gets the number of the one that failed, from 1. */
  readonly delayMs?: number | ((attempt: number) => number);
  /** False: the error is thrown on at once. */
  readonly if?: (error: unknown) => boolean;
}

/** What happens when `bufferBytesMax` wait for their acknowledgement. */
export type Overflow = 'drop' | 'block' | 'disk';

export interface TidemarkOptions extends Shared {
  /** `http://host:port` or `ws://…`; default: the environment's TIDEMARK_URL. Without one, nothing is sent. */
  readonly url?: string | undefined;
  /** Default: the environment's TIDEMARK_KEY. A function is asked before each connection: a key that is rotated. */
  readonly key?: string | (() => string) | undefined;
  /** A name of its own for this sender, `[A-Za-z0-9_-]{1,64}`; default: a new random one. */
  readonly producer?: string | undefined;
  /** `stream`: a WebSocket. `post`: an HTTP request a batch, and nothing in between, for serverless functions. */
  readonly transport?: 'stream' | 'post' | undefined;
  /**
   * `drop`, the default: the oldest events that were not sent yet are given up, and counted. `block`: asynchronous
   * forms wait at their end; what cannot wait may exceed the bound once over, and is dropped and counted beyond that.
   * `disk`: everything goes through files in `directory`, which outlive the process; `diskBytesMax` bounds them.
   */
  readonly overflow?: Overflow | undefined;
  readonly bufferBytesMax?: number | undefined;
  /** With `disk`: of this name's processes, on this machine. They take over what one of them left. */
  readonly directory?: string | undefined;
  readonly diskBytesMax?: number | undefined;
  readonly batchEventsMax?: number | undefined;
  readonly batchAgeMs?: number | undefined;
  /** While a run is open; 0: none. */
  readonly heartbeatMs?: number | undefined;
  /** How long the end of the process may wait for acknowledgements. */
  readonly exitMs?: number | undefined;
  /** Whether a SIGTERM is waited for too; default true. Nothing is changed for a process that listens itself. */
  readonly signals?: boolean | undefined;
  /** The last word on each event before it is kept: another one, or null for none. */
  readonly redact?: (event: TidemarkEvent) => TidemarkEvent | null;
  readonly classify?: Classify;
  /** A line about what went wrong here; nothing is ever thrown. */
  readonly onProblem?: (text: string) => void;
}

export interface Flushed {
  readonly acked: number;
  readonly pending: number;
  readonly rejected: number;
  readonly dropped: number;
}

/** `offered` is always `acked + rejected + dropped + pending`. */
export interface Stats extends Flushed {
  readonly offered: number;
  /** Values that were cut or left out. */
  readonly mended: number;
  /** Events that `redact` took out; they are not offered. */
  readonly redacted: number;
  readonly connections: number;
  /** Frames or requests that were sent again. */
  readonly resent: number;
  /** `off` without a url; `ended` when the collector refused for good, with the code. */
  readonly state: 'off' | 'connecting' | 'connected' | 'closed' | `ended: ${string}`;
}
