import { quoteString } from '../../sql-text.js';
import type { ChdbResult } from '../chdb-engine.js';
import type { KillClause } from '../guard/printed-statement.js';
import type { RunningStatement, RunningStatements } from './running-statements.js';

export interface KillRequest {
  readonly kill: KillClause;
  /** The statement itself, which it never means. */
  readonly self: RunningStatement;
  /** Runs a read of the user's, as the engine would. */
  readonly read: (sql: string) => Promise<ChdbResult>;
  readonly format: string;
}

/**
 * `KILL QUERY WHERE …` over the front's own list, whose ids are those that clients know. Which of them the condition
 * means the engine says: the list goes to it as rows with names of columns of `system.processes`. The answer is a
 * server's: a row for each that is being cancelled, and nothing when there is none.
 */
export async function killQuery(running: RunningStatements, request: KillRequest): Promise<ChdbResult> {
  const { kill, self, read, format } = request;
  const listed = running.of(self.user).filter((one) => one !== self);
  if (listed.length === 0) return nothing;
  const rows = listed.map((one, at) => rowOf(one, { at, elapsedMs: running.elapsedMs(one) }));
  const found = await read(`SELECT front_number FROM (${tableOf(rows)}) WHERE ${kill.condition} FORMAT TabSeparated`);
  const numbers = Buffer.from(found.bytes).toString('utf8').split('\n').slice(0, -1).map(Number);
  const meant = numbers.map((at) => listed[at]).filter((one) => one !== undefined);
  if (meant.length === 0) return nothing;
  if (kill.mode !== 'TEST') for (const one of meant) one.cancel();
  if (kill.mode === 'SYNC') await Promise.all(meant.map(({ ended }) => ended));
  const status = kill.mode === 'SYNC' ? 'finished' : 'waiting';
  const columns = kill.mode === 'TEST' ? '' : `${quoteString(status)} AS kill_status, `;
  const answered = meant.map((one, at) => rowOf(one, { at, elapsedMs: running.elapsedMs(one) }));
  return await read(`SELECT ${columns}query_id, user, query FROM (${tableOf(answered)}) FORMAT ${format}`);
}

function rowOf(one: RunningStatement, { at, elapsedMs }: { readonly at: number; readonly elapsedMs: number }): string {
  const texts = [one.queryId, one.user.name, one.text, one.database].map(quoteString);
  return `(${at}, ${(elapsedMs / 1_000).toFixed(3)}, ${texts.join(', ')})`;
}

/** No table function: under `readonly = 1` none makes rows of text. */
function tableOf(rows: readonly string[]): string {
  return (
    'SELECT one.1 AS front_number, 1 AS is_initial_query, one.2 AS elapsed, one.3 AS query_id,' +
    ' one.3 AS initial_query_id, one.4 AS user, one.4 AS initial_user, one.5 AS query, one.6 AS current_database' +
    ` FROM (SELECT arrayJoin([${rows.join(', ')}]) AS one)`
  );
}

export const nothing: ChdbResult = { bytes: Buffer.alloc(0), rowsRead: 0, bytesRead: 0, elapsed: 0 };
