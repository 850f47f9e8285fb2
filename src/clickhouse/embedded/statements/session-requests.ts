import { ClickHouseException } from '../clickhouse-exception.js';
import type { SessionStatement } from '../guard/session-statement.js';
import type { ClientSession, ClientSessions } from './client-sessions.js';
import type { ConnectionSetup } from './connection-prelude.js';
import type { Execution } from './statement-execution.js';
import type { StatementRequest } from './statement-request.js';

/** A request with what its session has set beneath what it says itself. */
export function inSession(request: StatementRequest, session: ClientSession): StatementRequest {
  const { parameters } = request;
  const beneath = {
    database: parameters.database ?? session.database,
    settings: new Map([...session.settings, ...parameters.settings]),
    parameters: new Map([...session.parameters, ...parameters.parameters]),
  };
  return { ...request, parameters: { ...parameters, ...beneath }, session };
}

/** Keeps what `SET` sets; without a session it ends with its request, as on a server. Throws BAD_ARGUMENTS. */
export function keepSettings(session: ClientSession, { settings }: Extract<SessionStatement, { kind: 'set' }>): void {
  for (const [name, value] of settings) {
    const isParameter = name.startsWith('param_');
    const kept = isParameter ? session.parameters : session.settings;
    const key = isParameter ? name.slice('param_'.length) : name;
    if (value === null) kept.delete(key);
    else kept.set(key, value);
  }
  const all = [...session.settings, ...session.parameters];
  const characters = all.reduce((sum, [name, value]) => sum + name.length + value.length, 0);
  if (characters <= sessionCharactersMax) return;
  session.settings.clear();
  session.parameters.clear();
  const problem = `A session keeps ${sessionCharactersMax} characters of settings and parameters; they are dropped.`;
  throw new ClickHouseException('BAD_ARGUMENTS', problem);
}

/** The connection that a statement of the session runs on, if it has its own, and what has to be undone there. */
export function onConnection(
  sessions: ClientSessions,
  session: ClientSession | null,
  { setup, makesTemporary }: { readonly setup: ConnectionSetup; readonly makesTemporary: boolean },
): Pick<Execution, 'connection' | 'setup'> {
  if (session === null) return { connection: null, setup };
  const connection = makesTemporary ? sessions.keepConnection(session) : session.connection;
  if (connection === null) return { connection, setup };
  const resets = [...session.onConnection].filter((name) => !setup.settings.has(name));
  session.onConnection.clear();
  for (const name of setup.settings.keys()) session.onConnection.add(name);
  return { connection, setup: { ...setup, resets } };
}

/** After a write: temporary tables are in memory. Throws MEMORY_LIMIT_EXCEEDED, and then they are gone. */
export async function boundTemporary(
  sessions: ClientSessions,
  session: ClientSession | null,
  bytesMax: number,
): Promise<void> {
  if (session === null || session.connection === null) return;
  const sql = 'SELECT ifNull(sum(total_bytes), 0) FROM system.tables WHERE is_temporary';
  const { bytes } = await session.connection.run('', sql, 'TabSeparated');
  if (Number(Buffer.from(bytes).toString()) <= bytesMax) return;
  await sessions.dropConnection(session);
  const problem = `Temporary tables of the session are larger than ${bytesMax} bytes; they are dropped.`;
  throw new ClickHouseException('MEMORY_LIMIT_EXCEEDED', problem);
}

const sessionCharactersMax = 65_536;
