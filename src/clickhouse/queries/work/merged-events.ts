import type { WorkId } from './history-kind.js';
import { groupSaid, mergedMap, saidOrder } from './said-events.js';
import type { EventColumn, WorkEvent } from './work-event.js';

/**
 * A task or run as the sum of what its events said, made here of the events: the same as `mergedWork`, which is the
 * definition, makes of them in SQL, for a quarter of the CPU, because the engine takes 50 to 70 ms to understand that
 * statement and runs it in 10. A test compares the two.
 */
export interface MergedWork extends WorkId {
  readonly task_id: string;
  readonly run_id: string | null;
  readonly agent_id: string;
  readonly agent_name: string | null;
  readonly agent_version: string | null;
  readonly parent_id: string | null;
  readonly flow_id: string | null;
  readonly crew_id: string | null;
  readonly engagement_id: string | null;
  readonly user_id: string | null;
  readonly session_id: string | null;
  readonly environment: string | null;
  readonly name: string | null;
  readonly model: string | null;
  readonly provider: string | null;
  readonly finish_reason: string | null;
  readonly status: WorkEvent['status'];
  readonly attempt: number;
  readonly updated_ms: number;
  readonly received_ms: number;
  readonly started_ms: number | null;
  readonly ended_ms: number | null;
  /** Its start as far as that is known, else the latest that an event tells. */
  readonly start_ms: number;
  readonly duration_ms: number | null;
  readonly llm_calls: number;
  readonly tokens_in: number;
  readonly tokens_out: number;
  readonly tokens_cache_read: number;
  readonly tokens_cache_write: number;
  readonly tokens_reasoning: number;
  readonly tokens_unpriced: number;
  readonly cost_micros: number | null;
  readonly cost_source: string | null;
  readonly usage_scope: 'own' | 'rolled_up';
  readonly memory_mb: number | null;
  readonly confidence: number | null;
  readonly error_category: string | null;
  readonly error_code: string | null;
  readonly error_message: string | null;
  readonly error_preview: string | null;
  readonly inputs: Record<string, string>;
  readonly outputs: Record<string, string>;
  readonly labels: Record<string, string>;
  readonly conflicting_ends: number;
  readonly has_ended: 0 | 1;
  /** Place in a list: the latest start among the events that may hold; null when none may. */
  readonly place_ms: number | null;
  /** Whether the message of its error holds the text that is sought. */
  readonly has_text: boolean;
}

/**
 * The tasks or runs of some events, each all of its own. Null when two events of one are the same in time, attempt,
 * state and receipt, and tell different things: then the hash of a value decides, which the engine makes.
 */
export function mergeEvents(kind: 'task' | 'run', events: readonly WorkEvent[]): MergedWork[] | null {
  const keyOf = kind === 'run' ? (event: WorkEvent) => event.run_id : taskKey;
  return groupSaid(events, { keyOf, order: bySaid })?.map((group) => mergeGroup(kind, group)) ?? null;
}

function taskKey({ task_id: task = '', run_id: run, agent_id: agent }: WorkEvent): string {
  return `${task.length} ${task}${run.length} ${run}${run === '' ? agent : ''}`;
}

const states: readonly WorkEvent['status'][] = ['pending', 'running', 'completed', 'failed', 'cancelled'];

const bySaid = saidOrder<WorkEvent>(({ status }) => states.indexOf(status));

function hasEnded({ status }: WorkEvent): boolean {
  return status !== 'pending' && status !== 'running';
}

function attemptOf({ attempt }: WorkEvent): number {
  return Math.max(attempt, 1);
}

type TextColumn = {
  [Column in EventColumn]: NonNullable<WorkEvent[Column]> extends string ? Column : never;
}[EventColumn];
type NumberColumn = {
  [Column in EventColumn]: NonNullable<WorkEvent[Column]> extends number ? Column : never;
}[EventColumn];

/**
 * `said` in the order of what was said later. The object is written out: with a spread in it V8 takes 100 us for one,
 * 20 ms of CPU for a list.
 */
function mergeGroup(kind: 'task' | 'run', said: readonly WorkEvent[]): MergedWork {
  // An end wins over a start, whatever came first.
  const reached = [...said.filter((event) => !hasEnded(event)), ...said.filter(hasEnded)];
  const state = reached.at(-1)!;
  const text = (column: TextColumn) => said.findLast((event) => (event[column] ?? '') !== '')?.[column] ?? null;
  const count = (column: NumberColumn) => said.findLast((event) => (event[column] ?? 0) !== 0)?.[column] ?? 0;
  const optional = (column: NumberColumn) =>
    said.findLast((event) => (event[column] ?? null) !== null)?.[column] ?? null;
  const priced = said.findLast((event) => (event.cost_micros ?? null) !== null);
  const failure = ofAttempt(reached, state, 'error_message');
  const message = failure?.error_message ?? null;
  const tokensIn = count('tokens_in');
  const tokensOut = count('tokens_out');
  const times = timesOf(said, reached, state);
  const agent = said.at(-1)!.agent_id;
  const { task_id: task = '', run_id: run } = state;
  const isRun = kind === 'run';
  return {
    id: isRun ? run : task,
    run: isRun ? '' : run,
    agent: isRun || run !== '' ? '' : agent,
    task_id: task,
    run_id: run === '' ? null : run,
    agent_id: agent,
    agent_name: text('agent_name'),
    agent_version: text('agent_version'),
    parent_id: text('parent_id'),
    flow_id: text('flow_id'),
    crew_id: text('crew_id'),
    engagement_id: text('engagement_id'),
    user_id: text('user_id'),
    session_id: text('session_id'),
    environment: text('environment'),
    name: text('name'),
    model: text('model'),
    provider: text('provider'),
    finish_reason: ofAttempt(reached, state, 'finish_reason')?.finish_reason ?? null,
    status: state.status,
    attempt: state.attempt,
    updated_ms: state.ts_ms,
    received_ms: Math.max(...said.map((event) => event.received_ms)),
    started_ms: times.started_ms,
    ended_ms: times.ended_ms,
    start_ms: times.start_ms,
    duration_ms: times.duration_ms,
    place_ms: times.place_ms,
    llm_calls: count('llm_calls'),
    tokens_in: tokensIn,
    tokens_out: tokensOut,
    tokens_cache_read: count('tokens_cache_read'),
    tokens_cache_write: count('tokens_cache_write'),
    tokens_reasoning: count('tokens_reasoning'),
    tokens_unpriced: priced === undefined ? tokensIn + tokensOut : 0,
    cost_micros: priced?.cost_micros ?? null,
    cost_source: priced?.cost_source || null,
    usage_scope: state.usage_scope ?? 'own',
    memory_mb: optional('memory_mb'),
    confidence: optional('confidence'),
    error_category: state.error_category || null,
    error_code: ofAttempt(reached, state, 'error_code')?.error_code ?? null,
    error_message: message,
    error_preview: message === null ? null : previewOf(message),
    inputs: mergedMap(said, 'inputs'),
    outputs: mergedMap(said, 'outputs'),
    labels: mergedMap(said, 'labels'),
    conflicting_ends: conflictsIn(said),
    has_ended: hasEnded(state) ? 1 : 0,
    has_text: failure?.has_text === 1,
  };
}

/** The last event that tells it, if that is of the attempt that tells the state. */
function ofAttempt(
  reached: readonly WorkEvent[],
  state: WorkEvent,
  column: 'finish_reason' | 'error_code' | 'error_message',
): WorkEvent | undefined {
  const told = reached.findLast((event) => (event[column] ?? '') !== '');
  return told !== undefined && attemptOf(told) === attemptOf(state) ? told : undefined;
}

type Times = Pick<MergedWork, 'started_ms' | 'ended_ms' | 'start_ms' | 'duration_ms' | 'place_ms'>;

/** An attempt is timed by its own start and duration, where those are told. */
function timesOf(said: readonly WorkEvent[], reached: readonly WorkEvent[], state: WorkEvent): Times {
  const attempt = attemptOf(state);
  const endedMs = hasEnded(state) ? (state.ended_ms ?? state.ts_ms) : null;
  const told = said.findLast((event) => event.started_ms !== null);
  const starts = said.filter((event) => event.status === 'running');
  const own = starts.find((event) => attemptOf(event) === attempt);
  const lasted = reached.findLast((event) => event.duration_ms !== null);
  const lastedMs = lasted !== undefined && attemptOf(lasted) === attempt ? lasted.duration_ms : null;
  const isOwnStart = told !== undefined && attemptOf(told) === attempt;
  const startedMs =
    (isOwnStart ? told.started_ms : null) ??
    own?.ts_ms ??
    told?.started_ms ??
    starts[0]?.ts_ms ??
    (endedMs !== null && lastedMs !== null ? endedMs - Math.trunc(lastedMs) : null);
  const isTimed = endedMs !== null && startedMs !== null && endedMs >= startedMs;
  const holding = said.filter((event) => event.may_hold === 1);
  return {
    started_ms: startedMs,
    ended_ms: endedMs,
    start_ms: startedMs ?? Math.max(...said.map((event) => event.start_ms)),
    duration_ms: lastedMs ?? (isTimed ? endedMs - startedMs : null),
    place_ms: holding.length === 0 ? null : Math.max(...holding.map((event) => event.start_ms)),
  };
}

function conflictsIn(said: readonly WorkEvent[]): number {
  const ends = said.filter((event) => event.conflicting_end === 1);
  return ends.filter((event, at) => at === 0 || bySaid(ends[at - 1]!, event) !== 0).length;
}

const previewCharactersMax = 200;

function previewOf(message: string): string {
  return message.length <= previewCharactersMax ? message : [...message].slice(0, previewCharactersMax).join('');
}
