import { ClickHouseException } from '../clickhouse-exception.js';
import type { PrintedStatement } from './printed-statement.js';

/**
 * `FROM clusterAllReplicas('default', system.query_log)`: what is written so that it works on a cluster as well. A
 * server that nobody configured is the one of the cluster `default`, and so is the engine: the table itself takes the
 * place of the function, and what comes out is judged like any other statement. Null when it names no cluster; with
 * more arguments the function stays, and is refused. Throws CLUSTER_DOESNT_EXIST.
 */
export function withoutOwnCluster(printed: PrintedStatement): string | null {
  const { tokens } = printed;
  const pieces: string[] = [];
  let from = 0;
  for (let at = 1; at < tokens.length; at++) {
    const call = readCall(printed, at);
    if (call === null) continue;
    if (call.cluster !== ownCluster) throw unknownCluster(call.cluster);
    pieces.push(printed.between(from, at - 1), call.table);
    from = call.end;
    at = call.end - 1;
  }
  if (pieces.length === 0) return null;
  if (from < tokens.length) pieces.push(printed.between(from, tokens.length - 1));
  return pieces.join(' ');
}

/** The cluster of `ON CLUSTER x`; null when there is none. */
export function clusterOf(printed: PrintedStatement): string | null {
  const at = printed.tokens.findIndex((_, one) => printed.isWord(one, 'ON') && printed.isWord(one + 1, 'CLUSTER'));
  return at === -1 ? null : nameAt(printed, at + 2);
}

export function unknownCluster(name: string): ClickHouseException {
  return new ClickHouseException('CLUSTER_DOESNT_EXIST', `Requested cluster '${name.slice(0, 128)}' not found.`);
}

interface ClusterCall {
  readonly cluster: string;
  /** As a statement names it. */
  readonly table: string;
  readonly end: number;
}

function readCall(printed: PrintedStatement, at: number): ClusterCall | null {
  const isTable = ['FROM', 'JOIN', 'TABLE'].some((word) => printed.isWord(at - 1, word));
  if (!isTable || !functions.has(printed.textAt(at)) || printed.tokens[at + 1]?.[2] !== 'OpeningRoundBracket') {
    return null;
  }
  const cluster = nameAt(printed, at + 2);
  const [database, parting, table] = [4, 5, 6].map((ahead) => nameAt(printed, at + ahead));
  const kinds = printed.tokens.slice(at + 3, at + 8).map(([, , kind]) => kind);
  if (cluster === null || kinds[0] !== 'Comma' || database === null || database === undefined) return null;
  if (kinds[2] === 'ClosingRoundBracket') return { cluster, table: `\`${database}\``, end: at + 6 };
  const isPair = parting === null && (kinds[2] === 'Dot' || kinds[2] === 'Comma') && kinds[4] === 'ClosingRoundBracket';
  if (!isPair || table === null || table === undefined) return null;
  return { cluster, table: `\`${database}\`.\`${table}\``, end: at + 8 };
}

/** A plain name, bare or in any quotes. */
function nameAt(printed: PrintedStatement, at: number): string | null {
  return /^(['"`]?)([A-Za-z_][A-Za-z0-9_]*)\1$/.exec(printed.textAt(at))?.[2] ?? null;
}

const ownCluster = 'default';
const functions: ReadonlySet<string> = new Set(['cluster', 'clusterAllReplicas']);
