import { eventTypes, isTerminalType } from '../../../core/event-types.js';
import type { AttemptEvent } from './attempt-event.js';
import { statusOf, unitKey, type WorkAttemptRow } from './attempt-row.js';
import { groupSaid, mergedMap, saidOrder, sortSaid, untold } from './said-events.js';

/**
 * The attempts that some events are of, all of them: what `readGroupedAttempts`, which is the definition, makes of them
 * in SQL. A test compares the two. Null when two events of an attempt are the same in time, number, type and receipt,
 * and tell different things: the engine decides then.
 */
export function mergeAttempts(events: readonly AttemptEvent[]): WorkAttemptRow[] | null {
  const units = new Map<string, AttemptEvent[]>();
  for (const event of events) {
    const key = unitKey(placeOf(event));
    const unit = units.get(key);
    if (unit === undefined) units.set(key, [event]);
    else unit.push(event);
  }
  return mergeUnits(units.values());
}

/** The same of the events of each run, task or step. */
export function mergeUnits(units: Iterable<AttemptEvent[]>): WorkAttemptRow[] | null {
  const merged: WorkAttemptRow[] = [];
  for (const events of units) {
    const attempts = mergeUnit(events);
    if (attempts === null) return null;
    for (const attempt of attempts) merged.push(attempt);
  }
  return merged;
}

function mergeUnit(events: AttemptEvent[]): WorkAttemptRow[] | null {
  const [first] = events;
  if (first !== undefined && events.every((event) => numberOf(event) === numberOf(first))) {
    return sortSaid(events, bySaid) ? [mergeGroup(events)] : null;
  }
  const groups = groupSaid(events, { keyOf: (event) => String(numberOf(event)), order: bySaid });
  return groups === null ? null : tellEachOther(groups.map(mergeGroup));
}

function numberOf({ type, attempt }: AttemptEvent): number {
  return kindOf(type) === 'run' ? 1 : Math.max(attempt, 1);
}

function placeOf({ type, task_id, step_id }: AttemptEvent) {
  const kind = kindOf(type);
  return { kind, task_id: kind === 'run' ? '' : task_id, step_id: kind === 'step' ? step_id : '' };
}

export function kindOf(type: AttemptEvent['type']): WorkAttemptRow['kind'] {
  return type.startsWith('run') ? 'run' : type.startsWith('task') ? 'task' : 'step';
}

const bySaid = saidOrder<AttemptEvent>(({ type }) => eventTypes[type]);

function hasEnded({ type }: AttemptEvent): boolean {
  return isTerminalType[eventTypes[type]] === true;
}

/** `said` in the order of what was said later; what the others of its scope tell is left 0. */
function mergeGroup(said: readonly AttemptEvent[]): WorkAttemptRow {
  const latest = said.findLast(hasEnded) ?? said.at(-1)!;
  const row = untoldRow(latest, timesOf(said, latest));
  for (const event of said) tell(row, event);
  // An end wins over a start, whatever came first.
  for (const event of said) if (!hasEnded(event)) tellOutcome(row, event);
  for (const event of said) if (hasEnded(event)) tellOutcome(row, event);
  if (row.cost_micros === null) row.tokens_unpriced = row.tokens_in + row.tokens_out;
  if (!hasEnded(latest)) row.finish_reason = null;
  if (row.error_category === null) {
    row.error_code = null;
    row.error_message = null;
  }
  row.inputs = mergedMap(said, 'inputs');
  row.outputs = mergedMap(said, 'outputs');
  row.labels = mergedMap(said, 'labels');
  return row;
}

/** The object is written out, as in `mergeEvents`: it is made 20,000 times for a large run. */
function untoldRow(latest: AttemptEvent, times: AttemptTimes): WorkAttemptRow {
  const place = placeOf(latest);
  return {
    kind: place.kind,
    task_id: place.task_id,
    step_id: place.step_id,
    attempt_number: numberOf(latest),
    attempt: 0,
    status: statusOf(latest.type),
    agent_id: latest.agent_id,
    parent_id: null,
    name: null,
    step_kind: null,
    environment: null,
    model: null,
    provider: null,
    args_hash: null,
    finish_reason: null,
    start_ms: times.start_ms,
    started_ms: times.started_ms,
    ended_ms: times.ended_ms,
    duration_ms: times.duration_ms,
    updated_ms: latest.ts_ms,
    llm_calls: 0,
    tokens_in: 0,
    tokens_out: 0,
    cost_micros: null,
    tokens_unpriced: 0,
    tokens_cache_read: 0,
    tokens_cache_write: 0,
    tokens_reasoning: 0,
    cost_source: null,
    usage_scope: latest.usage_scope,
    confidence: null,
    error_category: latest.error_category || null,
    error_code: null,
    error_message: null,
    inputs: untold,
    outputs: untold,
    labels: untold,
    last_attempt: 0,
    last_completed_attempt: 0,
    total_attempts: 0,
    completed_attempts: 0,
    failed_attempts: 0,
  };
}

/** What an event says, over what was said before it. Usage counts once an attempt ended. */
function tell(row: WorkAttemptRow, event: AttemptEvent): void {
  row.attempt = Math.max(row.attempt, event.attempt);
  if (event.parent_id !== '') row.parent_id = event.parent_id;
  if (event.name !== '') row.name = event.name;
  if (event.step_kind !== '') row.step_kind = event.step_kind;
  if (event.environment !== '') row.environment = event.environment;
  if (event.model !== '') row.model = event.model;
  if (event.provider !== '') row.provider = event.provider;
  if (event.confidence !== null) row.confidence = event.confidence;
  if (/[^0]/.test(event.args_hash_hex)) row.args_hash = event.args_hash_hex.toLowerCase().padStart(16, '0');
  if (!hasEnded(event)) return;
  if (event.llm_calls !== 0) row.llm_calls = event.llm_calls;
  if (event.tokens_in !== 0) row.tokens_in = event.tokens_in;
  if (event.tokens_out !== 0) row.tokens_out = event.tokens_out;
  if (event.tokens_cache_read !== 0) row.tokens_cache_read = event.tokens_cache_read;
  if (event.tokens_cache_write !== 0) row.tokens_cache_write = event.tokens_cache_write;
  if (event.tokens_reasoning !== 0) row.tokens_reasoning = event.tokens_reasoning;
  if (event.cost_micros === null) return;
  row.cost_micros = event.cost_micros;
  row.cost_source = event.cost_source || null;
}

function tellOutcome(row: WorkAttemptRow, event: AttemptEvent): void {
  if (event.finish_reason !== '') row.finish_reason = event.finish_reason;
  if (event.error_code !== '') row.error_code = event.error_code;
  if (event.error_message !== '') row.error_message = event.error_message;
}

const startTypes: ReadonlySet<string> = new Set(['run.started', 'task.running', 'step.started']);

type AttemptTimes = Pick<WorkAttemptRow, 'start_ms' | 'started_ms' | 'ended_ms' | 'duration_ms'>;

function timesOf(said: readonly AttemptEvent[], latest: AttemptEvent): AttemptTimes {
  const endedMs = hasEnded(latest) ? (latest.ended_ms ?? latest.ts_ms) : null;
  const lasted = said.findLast((event) => hasEnded(event) && event.duration_ms !== null)?.duration_ms ?? null;
  const firstMs = said[0]!.ts_ms;
  const startedMs =
    said.findLast((event) => event.started_ms !== null)?.started_ms ??
    said.find(({ type }) => startTypes.has(type))?.ts_ms ??
    (endedMs !== null && lasted !== null ? endedMs - roundHalfEven(lasted) : null);
  const isTimed = endedMs !== null && startedMs !== null && endedMs >= startedMs;
  return {
    start_ms: startedMs ?? Math.min(firstMs, endedMs ?? firstMs),
    started_ms: startedMs,
    ended_ms: endedMs,
    duration_ms: lasted ?? (isTimed ? endedMs - startedMs : null),
  };
}

/** As the engine rounds a Float64. */
function roundHalfEven(value: number): number {
  const rounded = Math.round(value);
  return Math.abs(value % 1) === 0.5 && rounded % 2 !== 0 ? rounded - 1 : rounded;
}

/** What an attempt does not tell of these, the latest other one of the same task or step tells. */
function tellEachOther(unit: WorkAttemptRow[]): WorkAttemptRow[] {
  unit.sort((a, b) => a.attempt_number - b.attempt_number);
  const parentId = unit.findLast((other) => other.parent_id !== null)?.parent_id ?? null;
  const name = unit.findLast((other) => other.name !== null)?.name ?? null;
  const stepKind = unit.findLast((other) => other.step_kind !== null)?.step_kind ?? null;
  const inputs = unit.findLast((other) => isTold(other.inputs))?.inputs ?? {};
  for (const attempt of unit) {
    attempt.parent_id ??= parentId;
    attempt.name ??= name;
    attempt.step_kind ??= stepKind;
    if (!isTold(attempt.inputs)) attempt.inputs = inputs;
  }
  return unit;
}

function isTold(map: Readonly<Record<string, string>>): boolean {
  return Object.keys(map).length > 0;
}
