import type { LiveEvent, LiveRun } from '../live/live-messages.js';
import type { WorkStatus } from '../parts/status.js';

export type WorkKind = 'run' | 'task';

/** What the live socket has told of runs or tasks since their list was asked for. */
export interface FreshWork {
  /** Those that the list does not have, and when they were heard of. */
  readonly heard: ReadonlyMap<string, number>;
  /** Runs under way, and those that ended while one looked, as they are now. */
  readonly states: ReadonlyMap<string, LiveRun>;
  /** What told the latest of those that the list has. */
  readonly latest: ReadonlyMap<string, LiveEvent>;
}

export const noFreshWork: FreshWork = { heard: new Map(), states: new Map(), latest: new Map() };

/** More are not counted. */
const heardMax = 999;
const statesMax = 2_000;

const ends = { completed: 'completed', failed: 'failed', cancelled: 'cancelled' } as const;
const statusOfType = {
  run: typed('run', { started: 'running', ...ends }),
  task: typed('task', { pending: 'pending', running: 'running', ...ends }),
};

export function eventTypes(kind: WorkKind): string {
  return [...statusOfType[kind].keys()].join(',');
}

/** What an event of a run or task says it is. */
export function statusOfEvent(kind: WorkKind, { type }: LiveEvent): WorkStatus | undefined {
  return statusOfType[kind].get(type);
}

/** A task's id is of its run, or of its agent where it has none. */
export function taskKey(of: {
  readonly task_id: string;
  readonly run_id?: string | null;
  readonly agent_id: string;
}): string {
  return [of.run_id || of.agent_id, of.task_id].map(encodeURIComponent).join('/');
}

export interface ShownWork {
  readonly kind: WorkKind;
  /** As the API takes it. */
  readonly filter: Readonly<Record<string, string>>;
  /** Of the first row; null: there is none. */
  readonly newestStart: string | null;
  isShown(id: string): boolean;
}

/** With what events tell of that the list has not, if its filter holds for it. */
export function withEvents(
  fresh: FreshWork,
  events: readonly LiveEvent[],
  { shown, nowMs }: { readonly shown: ShownWork; readonly nowMs: number },
): FreshWork {
  const heard = new Map(fresh.heard);
  const latest = new Map(fresh.latest);
  for (const event of events) {
    const status = statusOfType[shown.kind].get(event.type);
    const id = idOf(shown.kind, event);
    if (status === undefined || id === undefined) continue;
    if (shown.isShown(id)) latest.set(id, event);
    else if (passes(event, status, shown.filter)) {
      if (heard.size < heardMax && belongsOnTop(event, shown)) heard.set(id, heard.get(id) ?? nowMs);
    } else if (shown.filter.status !== undefined && shown.filter.status !== status) heard.delete(id);
  }
  dropOldest(latest);
  return { ...fresh, heard, latest };
}

export function withStates(fresh: FreshWork, runs: readonly LiveRun[]): FreshWork {
  const states = new Map(fresh.states);
  for (const run of runs) {
    states.delete(run.run_id);
    states.set(run.run_id, run);
  }
  dropOldest(states);
  return { ...fresh, states };
}

/** Events are told before the store has them: what was heard of this long before an answer is in it, or in no list. */
const storedMs = 10_000;

/** Without what an answer as of then has, or would have if it were of the list. */
export function withoutShown(fresh: FreshWork, shown: ShownWork, asOfMs: number): FreshWork {
  const heard = [...fresh.heard].filter(([id, atMs]) => !shown.isShown(id) && atMs > asOfMs - storedMs);
  return { ...fresh, heard: new Map(heard), latest: new Map() };
}

const exact = [
  'agent_id',
  'run_id',
  'user_id',
  'session_id',
  'crew_id',
  'flow_id',
  'engagement_id',
  'environment',
  'model',
  'provider',
  'error_category',
] as const;

function passes(event: LiveEvent, status: WorkStatus, filter: Readonly<Record<string, string>>): boolean {
  if (filter.status !== undefined && filter.status !== status) return false;
  const told = event as unknown as Readonly<Record<string, string | undefined>>;
  if (exact.some((name) => filter[name] !== undefined && filter[name] !== told[name])) return false;
  const text = filter.error_text;
  return text === undefined || (event.error_message ?? '').toLowerCase().includes(text.toLowerCase());
}

/** What began before those shown is further down; it may well be new to a list of what has failed. */
function belongsOnTop(event: LiveEvent, { kind, filter, newestStart }: ShownWork): boolean {
  if (newestStart === null || filter.status !== undefined || filter.error_category !== undefined) return true;
  if (filter.error_text !== undefined) return true;
  const isEnd = statusOfType[kind].get(event.type)! in ends;
  const startMs = Date.parse(event.ts ?? event.received) - (isEnd ? (event.duration_ms ?? 0) : 0);
  return startMs >= Date.parse(newestStart);
}

function idOf(kind: WorkKind, { run_id, task_id, agent_id }: LiveEvent): string | undefined {
  if (kind === 'run') return run_id;
  return task_id === undefined ? undefined : taskKey({ task_id, run_id: run_id ?? null, agent_id });
}

function typed(kind: WorkKind, statuses: Readonly<Record<string, WorkStatus>>): ReadonlyMap<string, WorkStatus> {
  return new Map(Object.entries(statuses).map(([name, status]) => [`${kind}.${name}`, status]));
}

function dropOldest(of: Map<string, unknown>): void {
  for (const oldest of of.keys()) {
    if (of.size <= statesMax) return;
    of.delete(oldest);
  }
}
