import { type HeardWork, type LooseWork, readHeardWork } from '../../clickhouse/queries/work/heard-work.js';
import { type WorkId, workKey } from '../../clickhouse/queries/work/history-kind.js';
import { readRunLeaseRenewals } from '../../clickhouse/queries/work/run-lease-renewals.js';
import { type LeaseRenewalRow, readTaskLeaseRenewals } from '../../clickhouse/queries/work/task-lease-renewals.js';
import type { Clock } from '../../core/clock.js';
import type { StoreReader } from '../../core/ports/store-reader.js';
import { requestBatches } from '../request/parameter-bytes.js';
import { KeptReadings } from './kept-readings.js';

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
  /** Of the runs of tasks, those that an event named within it; absent: it is not known. */
  readonly heardRuns?: ReadonlySet<string> | undefined;
}

/** A tenant of whom more runs were heard of than are listed. */
export interface Crowd {
  /** Whether one page of candidates held all that began lately, when it was last looked for. */
  isOnePage: boolean;
}

/** For so long the runs of such tenants are not asked for again. */
export type Crowds = KeptReadings<Crowd>;

export function newCrowds(clock: Clock): Crowds {
  return new KeptReadings(clock, { ageMsMax: 30_000, sizeMax: 1_000 });
}

/**
 * The lease of the rows of a list: who was heard of within it is read once, when it is asked for. That runs are not
 * listed changes no answer: they are looked for otherwise then.
 */
export class ListLease implements Lease {
  readonly tenant: string;
  readonly nowMs: number;
  readonly leaseMs: number;
  readonly #crowds: Crowds;
  #crowd: Crowd | undefined;
  #heard: Promise<HeardWork> | undefined;

  constructor({ tenant, nowMs, leaseMs }: Lease, crowds: Crowds) {
    this.tenant = tenant;
    this.nowMs = nowMs;
    this.leaseMs = leaseMs;
    this.#crowds = crowds;
    this.#crowd = crowds.get(tenant);
  }

  /** Undefined: it is not known to be one. */
  get crowd(): Readonly<Crowd> | undefined {
    return this.#crowd;
  }

  /** That one page of candidates held all that began lately, or did not. */
  noteCrowd(isOnePage: boolean): void {
    if (this.#crowd !== undefined) this.#crowd.isOnePage = isOnePage;
  }

  heard(store: StoreReader): Promise<HeardWork> {
    this.#heard ??= this.#read(store);
    return this.#heard;
  }

  async #read(store: StoreReader): Promise<HeardWork> {
    const heard = await readHeard(store, this, this.#crowd !== undefined);
    if (heard.runs !== null || this.#crowd !== undefined) return heard;
    this.#crowd = { isOnePage: false };
    this.#crowds.keep(this.tenant, this.#crowd, 1);
    return heard;
  }
}

/** Ids that do not fit into one request are not listed either. */
async function readHeard(
  store: StoreReader,
  { tenant, nowMs, leaseMs }: Lease,
  areManyRuns: boolean,
): Promise<HeardWork> {
  const heard = await readHeardWork(store, { tenant, sinceMs: nowMs - leaseMs, areManyRuns });
  const { runs, loose } = heard;
  const ofLoose = loose === null ? [] : [...loose.agents, ...loose.tasks.map(({ id }) => id)];
  if (requestBatches([...(runs ?? []), ...ofLoose], (id) => [id]).length <= 1) return heard;
  return { ...heard, runs: null, loose: requestBatches(ofLoose, (id) => [id]).length > 1 ? null : loose };
}

/**
 * The keys (`workKey`) of those whose producer went away: nothing that renews their lease was received within it. A
 * task's lease is renewed by any event of the task, by a heartbeat that names its run, and by a heartbeat of its agent
 * that names neither run nor task; a run's by any event that names the run, and by such a heartbeat of its agent. All
 * must be of one kind. An event that names a task and another run is of another task; one that names no run may be of a
 * task of its agent. Asks the store only about those that are not known to have spoken, and where it is known who was
 * heard of within the lease, only about tasks whose run was. Rejects as its reads do.
 */
export async function readOrphaned(
  store: StoreReader,
  open: readonly OpenWork[],
  lease: Lease,
  heard?: HeardWork,
): Promise<ReadonlySet<string>> {
  const sinceMs = lease.nowMs - lease.leaseMs;
  const silent = open.filter(({ receivedMs }) => receivedMs < sinceMs);
  const orphaned = new Set<string>();
  for (const batch of requestBatches(silent, ({ work, runId, agentId }) => [work.id, runId ?? '', agentId])) {
    const since = { tenant: lease.tenant, sinceMs, heardRuns: lease.heardRuns };
    const renewals = await (heard?.loose
      ? readRenewalsAmong(store, batch, { ...since, runs: heard.runs, loose: heard.loose })
      : readRenewals(store, batch, since));
    for (const key of orphanedAmong(batch, renewals)) orphaned.add(key);
  }
  return orphaned;
}

async function readRenewals(
  store: StoreReader,
  silent: readonly OpenWork[],
  { heardRuns, ...since }: { readonly tenant: string; readonly sinceMs: number } & Pick<Lease, 'heardRuns'>,
): Promise<LeaseRenewalRow[]> {
  const ids = silent.map(({ work }) => work.id);
  const agentIds = distinct(silent.map(({ agentId }) => agentId));
  if (silent[0]?.kind === 'run') return await readRunLeaseRenewals(store, { ...since, runIds: ids, agentIds });
  if (heardRuns !== undefined) {
    const ofAgents = readRunLeaseRenewals(store, { ...since, runIds: [], agentIds });
    const ofTasks = readTaskLeaseRenewals(store, { ...since, ...tasksThatMaySpeak(silent, heardRuns) });
    return (await Promise.all([ofAgents, ofTasks])).flat();
  }
  const renewals = await readRunLeaseRenewals(store, { ...since, runIds: distinct(silent.map(runOf)), agentIds });
  const agents = renewals.filter(({ kind }) => kind === 'agent');
  const heard = new Set(renewals.filter(({ kind }) => kind === 'work').map(({ id }) => id));
  return [...agents, ...(await readTaskLeaseRenewals(store, { ...since, ...tasksThatMaySpeak(silent, heard) }))];
}

/** A silent run is told by a row; what may have spoken is searched among the raw events of the last minutes. */
function tasksThatMaySpeak(silent: readonly OpenWork[], heardRuns: ReadonlySet<string>) {
  const maySpeak = ({ runId }: OpenWork) => runId === null || heardRuns.has(runId);
  return {
    taskIds: silent.filter(maySpeak).map(({ work }) => work.id),
    taskIdsOfSilentRuns: silent.filter((open) => !maySpeak(open)).map(({ work }) => work.id),
    runIds: distinct(silent.map(runOf)).filter((run) => heardRuns.has(run)),
  };
}

interface ListedWork {
  /** Null: those of the rows are asked for. */
  readonly runs: ReadonlySet<string> | null;
  readonly loose: LooseWork;
}

/** The same where it is known who was heard of: of a task whose run was, it may have been another task. */
async function readRenewalsAmong(
  store: StoreReader,
  silent: readonly OpenWork[],
  { runs: listed, loose, ...since }: { readonly tenant: string; readonly sinceMs: number } & ListedWork,
): Promise<LeaseRenewalRow[]> {
  const runs = listed ?? (await readHeardRuns(store, silent, since));
  const agents = [...loose.agents].map((id) => ({ kind: 'agent', id }) as const);
  if (silent[0]?.kind === 'run') return [...agents, ...[...runs].map((id) => ({ kind: 'work', id }) as const)];
  const spoken = loose.tasks.map(({ id, agent }) => ({ kind: 'work', id, run: '', agent }) as const);
  const inHeard = silent.filter(({ runId }) => runId !== null && runs.has(runId));
  const scope = {
    taskIds: inHeard.map(({ work }) => work.id),
    taskIdsOfSilentRuns: [],
    runIds: distinct(inHeard.map(runOf)),
  };
  return [...agents, ...spoken, ...(await readTaskLeaseRenewals(store, { ...since, ...scope }))];
}

async function readHeardRuns(
  store: StoreReader,
  silent: readonly OpenWork[],
  since: { readonly tenant: string; readonly sinceMs: number },
): Promise<ReadonlySet<string>> {
  const runIds = distinct(silent.map((open) => (open.kind === 'run' ? open.work.id : runOf(open))));
  if (runIds.length === 0) return new Set();
  const renewals = await readRunLeaseRenewals(store, { ...since, runIds, agentIds: [] });
  return new Set(renewals.map(({ id }) => id));
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
