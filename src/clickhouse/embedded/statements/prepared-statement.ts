import type { ConnectionSetup } from './connection-prelude.js';
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
  /** Bytes of a result that is not streamed, counted as it is made; null leaves it to the engine's own count. */
  readonly resultBytesMax: number | null;
}
