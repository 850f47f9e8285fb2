import type { StoreQuery } from '../../../core/ports/store-reader.js';
import { withoutRun } from '../sql/without-run.js';
import type { HeardWork, LooseWork } from './heard-work.js';
import type { HistoryKind } from './history-kind.js';

/** A condition by which candidates are found, and what it names. */
interface Way {
  readonly where: string;
  readonly params: StoreQuery['params'];
}

/** How candidates are found of whom something was heard lately. */
export type Ways =
  | { readonly named: readonly Way[] }
  /** `withEnds`: starts told since then are left out where an end tells the same. */
  | { readonly latelyMs: number; readonly withEnds: boolean }
  | { readonly before: HeardBefore };

/** Who of what was told before was heard of since, and from which start on it is of interest. */
interface HeardBefore extends HeardWork {
  readonly fromMs: number;
}

/** Statement text over events of a kind and filter from a place on, in the order of the list. */
export interface Candidates {
  /** One event of each that tells the same start; `of`: which. */
  events(columns: string, options?: { readonly last?: string; readonly of?: string }): string;
  /** Those that have not ended, as far as events `of` that tell. */
  open(of?: string): string;
  /** The conjunction that all of them hold. */
  readonly where: string;
}

/** With so many runs to look for, every granule may have one, as far as its Bloom filter tells. */
export const namedMax = 100;

/**
 * What renews a lease (src/api/work/lease.ts), where little did: an event of a task or run itself names its run, or is
 * among those without one. Each is a read of its own, by the Bloom filter: with OR between them all 200,000 tasks were
 * looked through, 150 ms of CPU instead of 69. Null: more than a few.
 */
export function fewNamed(kind: HistoryKind, { runs, loose }: HeardWork): readonly Way[] | null {
  if (runs === null || loose === null) return null;
  if (runs.size + loose.agents.size + loose.tasks.length > namedMax) return null;
  return [...runsNamed(runs), ...looseNamed(kind, loose)];
}

function runsNamed(runs: ReadonlySet<string>): readonly Way[] {
  if (runs.size === 0) return [];
  return [{ where: 'run_id IN {heard_runs:Array(String)}', params: { heard_runs: [...runs] } }];
}

function looseNamed(kind: HistoryKind, { agents, tasks }: LooseWork): readonly Way[] {
  const ways: Way[] = [];
  if (agents.size > 0) {
    ways.push({ where: 'agent_id IN {heard_agents:Array(String)}', params: { heard_agents: [...agents] } });
  }
  if (tasks.length > 0 && kind.kind === 'task') {
    const ids = tasks.map(({ id }) => id);
    ways.push({ where: `${kind.idColumn} IN {heard_tasks:Array(String)}`, params: { heard_tasks: ids } });
  }
  return ways;
}

/** The statements that are joined, of which each finds some of the candidates, and what they name. */
export function waysTaken(
  kind: HistoryKind,
  { events, open, where }: Candidates,
  ways: Ways | null,
): { readonly sql: readonly string[]; readonly params: StoreQuery['params'] } {
  if (ways === null) return { sql: [open()], params: {} };
  if ('named' in ways) return { sql: ways.named.map((way) => open(way.where)), params: paramsOf(ways.named) };
  if ('before' in ways) {
    const old = oldWays(kind, where, ways.before);
    return { sql: old.map((way) => open(`${toldBefore} AND ${way.where}`)), params: paramsOf(old, ways.before) };
  }
  const lately = `received >= ${since}`;
  const begun = events('', { of: `${kind.isOpen} AND ${lately}` });
  return {
    sql: [ways.withEnds ? open(lately) : `${begun} LIMIT {limit:UInt32}`],
    params: { heard_since_ms: ways.latelyMs },
  };
}

function paramsOf(ways: readonly Way[], before?: HeardBefore): StoreQuery['params'] {
  const bounds = before && { heard_since_ms: before.sinceMs, from_ms: before.fromMs };
  return Object.assign({}, bounds, ...ways.map(({ params }) => params));
}

const since = `fromUnixTimestamp64Milli({heard_since_ms:Int64}, 'UTC')`;
const toldBefore = `received < ${since} AND start >= fromUnixTimestamp64Milli({from_ms:Int64}, 'UTC')`;

function oldWays(kind: HistoryKind, where: string, { runs, loose }: HeardBefore): readonly Way[] {
  const ofRuns = runs === null ? [{ where: `run_id IN (${heardRuns(kind, where)})`, params: {} }] : runsNamed(runs);
  return [...ofRuns, ...oldLoose(kind, loose)];
}

export function oldLoose(kind: HistoryKind, loose: LooseWork | null): readonly Way[] {
  return loose === null ? looseSince(kind) : looseNamed(kind, loose);
}

/**
 * Runs heard of since a time that have an open start told before. With `WHERE` the engine (26.7) reads every run that
 * was heard of before it looks for those that have such a start: of 250,000 runs 27 ms of CPU instead of 17.
 */
export function heardRuns(kind: HistoryKind, where: string): string {
  return `
    SELECT DISTINCT run_id FROM agent_run_activity_v1
    PREWHERE tenant = {tenant:String} AND last_received >= ${since} AND run_id IN (
      SELECT run_id FROM ${kind.byStartTable} PREWHERE ${where} AND ${kind.isOpen} AND ${toldBefore}
    )`;
}

function looseSince({ kind, idColumn }: HistoryKind): readonly Way[] {
  const spoken = `FROM agent_events_raw_v1 WHERE tenant = {tenant:String} AND received >= ${since} AND ${withoutRun}`;
  const agents = `agent_id IN (SELECT agent_id ${spoken} AND type = 'heartbeat' AND task_id = '')`;
  const tasks = `${idColumn} IN (SELECT ${idColumn} ${spoken} AND task_id != '')`;
  return (kind === 'task' ? [agents, tasks] : [agents]).map((where) => ({ where, params: {} }));
}
