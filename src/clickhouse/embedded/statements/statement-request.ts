import type { ChdbResult } from '../chdb-engine.js';
import type { EngineUser } from '../front/engine-users.js';
import type { ExternalData } from '../front/forms/form-parameters.js';
import type { RequestBody } from '../front/request-body.js';
import type { RequestParameters } from '../front/request-parameters.js';
import type { ClientSession } from './client-sessions.js';
import type { StreamSender } from './statement-execution.js';

export interface StatementRequest {
  readonly user: EngineUser;
  /** GET: nothing may be changed, whoever asks. */
  readonly readOnly: boolean;
  /** The client's, or made for it. */
  readonly queryId: string;
  readonly parameters: RequestParameters;
  readonly client: ClientHeaders;
  /** That it is in, if any. */
  readonly session?: ClientSession | null;
  readonly body: RequestBody;
  /** What came with it, for the statement to read as tables. */
  readonly external: readonly ExternalData[];
  /** Aborted when the client went away, or somebody ended the statement: what runs is then cancelled. */
  readonly signal: AbortSignal;
  /** Takes the result of a read while it is made. Rejects with what iteration throws. */
  readonly stream: StreamSender;
}

/** What a client says of itself; empty when it says nothing. */
export interface ClientHeaders {
  readonly userAgent: string;
  readonly referer: string;
  readonly forwardedFor: string;
}

export interface StatementResult extends ChdbResult {
  readonly format: string;
  /** Of its session; empty for the engine's. */
  readonly timezone: string;
  readonly isInsert: boolean;
}
