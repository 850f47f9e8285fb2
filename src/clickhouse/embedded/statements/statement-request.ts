import type { EngineUser } from '../front/engine-users.js';
import type { ExternalData } from '../front/forms/form-parameters.js';
import type { RequestBody } from '../front/request-body.js';
import type { RequestParameters } from '../front/request-parameters.js';
import type { ClientHeaders } from './client-headers.js';
import type { ClientSession } from './client-sessions.js';
import type { LoggedStatement } from './query-log.js';
import type { StreamSender } from './statement-execution.js';
import type { ProgressListener } from './statement-progress.js';

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
  /** Of a guest's statement. */
  readonly log?: LoggedStatement;
  readonly body: RequestBody;
  /** What came with it, for the statement to read as tables. */
  readonly external: readonly ExternalData[];
  /** Aborted when the client went away, or somebody ended the statement: what runs is then cancelled. */
  readonly signal: AbortSignal;
  /** Told how far it is, while nothing of the result was sent; null when nobody asked. */
  readonly progress: ProgressListener | null;
  /** Takes the result of a read while it is made. Rejects with what iteration throws. */
  readonly stream: StreamSender;
}
