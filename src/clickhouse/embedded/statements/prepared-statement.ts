import type { KillClause } from '../guard/printed-statement.js';
import type { SessionStatement } from '../guard/session-statement.js';
import type { ConnectionSetup } from './connection-prelude.js';
import type { RequestLane } from './request-lane.js';
import type { StatementConnections } from './statement-connections.js';
import type { StatementLanes } from './statement-lanes.js';
import type { ToldTable } from './told-tables.js';

/** A statement of which it is known that it may run, and how it does. */
export interface PreparedStatement {
  /** The statement, given where its result goes: null is the answer of the engine, else a path. */
  readonly sql: (outfile: string | null) => string;
  /** The format that counts, and the one for a statement that names none. */
  readonly format: { readonly named: string; readonly asked: string };
  readonly isRead: boolean;
  readonly isInsert: boolean;
  readonly delivery: Delivery;
  readonly holding: Holding;
  readonly setup: ConnectionSetup;
  readonly lanes: StatementLanes;
  readonly connections: StatementConnections;
  /** Where it waits when its result is not sent while it is made. */
  readonly lane: RequestLane;
  /** A KILL of queries, which is the front's to do. */
  readonly kill: KillClause | null;
  /** Those it reads that have to be made for it. */
  readonly toldTables: readonly ToldTable[];
  /** SET or USE, which are the front's too. */
  readonly change: SessionStatement | null;
  /** A temporary table is made, which lives as long as its connection. */
  readonly makesTemporary: boolean;
  /** Whether it is cancelled when its client goes away; a write of the collector's never is. */
  readonly isCancellable: boolean;
}

/** What is held back of a result that is sent while it is made. */
export interface Holding {
  /** From its beginning, of one that is `growing`: up to here it has the status of its end. */
  readonly bytesMax: number;
  /** At its end, until it is known that nothing failed; see `holdEnd`. */
  readonly endBytes: number;
}

/** A server holds as much before it sends its first byte. The end is more than Parquet's length and magic. */
export const usualHolding: Holding = { bytesMax: 1_048_576, endBytes: 4_096 };

/** Of lines that are to be seen while the statement runs, and of which none makes it look complete. */
export const noHolding: Holding = { bytesMax: 0, endBytes: 0 };

/**
 * How a result gets to its client: `whole` as the engine hands it over; `held` until it is complete, its bytes counted
 * as they come; `growing`, which is held as long as it is small; `streamed` from the first byte.
 */
export type Delivery = 'whole' | 'held' | 'growing' | 'streamed';
