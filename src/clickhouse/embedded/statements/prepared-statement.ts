import type { KillClause } from '../guard/printed-statement.js';
import type { ConnectionSetup } from './connection-prelude.js';
import type { RequestLane } from './request-lane.js';
import type { StatementLanes } from './statement-lanes.js';

/** A statement of which it is known that it may run, and how it does. */
export interface PreparedStatement {
  /** The statement, given where its result goes: null is the answer of the engine, else a path. */
  readonly sql: (outfile: string | null) => string;
  /** The format that counts, and the one for a statement that names none. */
  readonly format: { readonly named: string; readonly asked: string };
  readonly isRead: boolean;
  readonly isInsert: boolean;
  /** Whether its result can go elsewhere: `EXPLAIN AST` takes the clause for one of the statement it explains. */
  readonly takesOutfile: boolean;
  readonly setup: ConnectionSetup;
  readonly lanes: StatementLanes;
  /** Where it waits when its result is not sent while it is made. */
  readonly lane: RequestLane;
  /** A KILL of queries, which is the front's to do. */
  readonly kill: KillClause | null;
  /** Whether it is cancelled when its client goes away; a write of the collector's never is. */
  readonly isCancellable: boolean;
  /** Bytes of a result that is not streamed, counted as it is made; null leaves it to the engine's own count. */
  readonly resultBytesMax: number | null;
}
