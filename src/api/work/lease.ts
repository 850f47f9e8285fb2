import { type WorkId, workKey } from '../../clickhouse/queries/work/history-kind.js';
import { readRunLeaseRenewals } from '../../clickhouse/queries/work/run-lease-renewals.js';
import { type LeaseRenewalRow, readTaskLeaseRenewals } from '../../clickhouse/queries/work/task-lease-renewals.js';
import type { StoreReader } from '../../core/ports/store-reader.js';
import { requestBatches } from '../request/parameter-bytes.js';

/** A task or run that has not ended. */
export interface OpenWork {
  readonly kind: 'task' | 'run';
  readonly work: WorkId;
  /** Run of a task, null when it has none; not looked at for a run. */
  readonly runId: string | null;
  readonly agentId: string;
  /** When an event of it was last known to be received, ms since the epoch; newer ones are looked for. */
  readonly receivedMs: number;
}

export interface Lease {
  readonly tenant: string;
  readonly nowMs: number;
  /** How long one event or heartbeat lasts. */
  readonly leaseMs: number;
}

/**
 * The keys (`workKey`) of those whose producer went away: nothing that renews their lease was received within it. A
 * task's lease is renewed by any event of the task, by a heartbeat that names its run, and by a heartbeat of its agent
 * that names neither run nor task; a run's by any event that names the run, and by such a heartbeat of its agent. All
 * must be of one kind. An event that names a task and another run is of another task; one that names no run may be of a
 * task of its agent. Asks the store only about those that are not known to have spoken; rejects as its reads do.
 */
export async function readOrphaned(
  store: StoreReader,
  open: readonly OpenWork[],
  lease: Lease,
): Promise<ReadonlySet<string>> {
  const sinceMs = lease.nowMs - lease.leaseMs;
  const silent = open.filter(({ receivedMs }) => receivedMs < sinceMs);
  const orphaned = new Set<string>();
  for (const batch of requestBatches(silent, ({ work, runId, agentId }) => [work.id, runId ?? '', agentId])) {
    const renewals = await readRenewals(store, batch, { tenant: lease.tenant, sinceMs });
    for (const key of orphanedAmong(batch, renewals)) orphaned.add(key);
  }
  return orphaned;
}

async function readRenewals(
  store: StoreReader,
  silent: readonly OpenWork[],
  since: { readonly tenant: string; readonly sinceMs: number },
): Promise<LeaseRenewalRow[]> {
  const ids = silent.map(({ work }) => work.id);
  const agentIds = distinct(silent.map(({ agentId }) => agentId));
  if (silent[0]?.kind === 'run') return await readRunLeaseRenewals(store, { ...since, runIds: ids, agentIds });
  const renewals = await readRunLeaseRenewals(store, { ...since, runIds: distinct(silent.map(runOf)), agentIds });
  const agents = renewals.filter(({ kind }) => kind === 'agent');
  const heard = new Set(renewals.filter(({ kind }) => kind === 'work').map(({ id }) => id));
  // A silent run is told by a row; what may have spoken is searched among the raw events of the last minutes.
  const maySpeak = ({ runId }: OpenWork) => runId === null || heard.has(runId);
  const scope = {
    taskIds: silent.filter(maySpeak).map(({ work }) => work.id),
    taskIdsOfSilentRuns: silent.filter((open) => !maySpeak(open)).map(({ work }) => work.id),
    runIds: [...heard],
  };
  return [...agents, ...(await readTaskLeaseRenewals(store, { ...since, ...scope }))];
}

/** Keys of those of `silent` that no renewal reaches. */
function orphanedAmong(silent: readonly OpenWork[], renewals: readonly LeaseRenewalRow[]): ReadonlySet<string> {
  const spoke = { work: new Set<string>(), run: new Set<string>(), agent: new Set<string>() };
  for (const { kind, id, run = '', agent = '' } of renewals) {
    spoke[kind].add(kind === 'work' ? workKey({ id, run, agent }) : id);
  }
  const hasSpoken = ({ work, runId, agentId }: OpenWork) =>
    spoke.work.has(workKey(work)) ||
    spoke.work.has(workKey({ id: work.id, run: '', agent: agentId })) ||
    spoke.agent.has(agentId) ||
    (runId !== null && spoke.run.has(runId));
  return new Set(silent.filter((open) => !hasSpoken(open)).map(({ work }) => workKey(work)));
}

function runOf({ runId }: OpenWork): string {
  return runId ?? '';
}

function distinct(ids: readonly string[]): string[] {
  return [...new Set(ids)].filter((id) => id !== '');
}
