import { eventTypes, isTerminalType } from '../../../core/event-types.js';
import type { AttemptEvent } from './attempt-event.js';
import { statusOf, type WorkAttemptRow } from './attempt-row.js';

/** An attempt, without what the others of its scope tell. */
type Attempt = Omit<
  WorkAttemptRow,
  'last_attempt' | 'last_completed_attempt' | 'total_attempts' | 'completed_attempts' | 'failed_attempts'
>;

const noOutcome = {
  last_attempt: 0,
  last_completed_attempt: 0,
  total_attempts: 0,
  completed_attempts: 0,
  failed_attempts: 0,
};

/**
 * The attempts that some events are of, all of them: what `readGroupedAttempts`, which is the definition, makes of them
 * in SQL. A test compares the two. Null when two events of an attempt are the same in time, number, type and receipt,
 * and tell different things: the engine decides then.
 */
export function mergeAttempts(events: readonly AttemptEvent[]): WorkAttemptRow[] | null {
  const groups = new Map<string, AttemptEvent[]>();
  for (const event of events) {
    const key = JSON.stringify(placeOf(event));
    const group = groups.get(key);
    if (group === undefined) groups.set(key, [event]);
    else group.push(event);
  }
  const attempts: Attempt[] = [];
  for (const group of groups.values()) {
    group.sort(bySaid);
    if (group.some((event, at) => at > 0 && isUnordered(group[at - 1]!, event))) return null;
    attempts.push(mergeGroup(group));
  }
  return withOthers(attempts).map((attempt) => ({ ...attempt, ...noOutcome }));
}

function placeOf({ type, task_id, step_id, attempt }: AttemptEvent) {
  const kind = kindOf(type);
  return {
    kind,
    task_id: kind === 'run' ? '' : task_id,
    step_id: kind === 'step' ? step_id : '',
    attempt_number: kind === 'run' ? 1 : Math.max(attempt, 1),
  };
}

function kindOf(type: AttemptEvent['type']): WorkAttemptRow['kind'] {
  return type.startsWith('run') ? 'run' : type.startsWith('task') ? 'task' : 'step';
}

function bySaid(left: AttemptEvent, right: AttemptEvent): number {
  return (
    left.ts_ms - right.ts_ms ||
    left.attempt - right.attempt ||
    eventTypes[left.type] - eventTypes[right.type] ||
    left.received_ms - right.received_ms
  );
}

function isUnordered(left: AttemptEvent, right: AttemptEvent): boolean {
  return bySaid(left, right) === 0 && JSON.stringify(left) !== JSON.stringify(right);
}

function hasEnded({ type }: AttemptEvent): boolean {
  return isTerminalType[eventTypes[type]] === true;
}

type TextColumn = 'parent_id' | 'name' | 'step_kind' | 'environment' | 'model' | 'provider';
type CountColumn =
  | 'llm_calls'
  | 'tokens_in'
  | 'tokens_out'
  | 'tokens_cache_read'
  | 'tokens_cache_write'
  | 'tokens_reasoning';

/** `said` in the order of what was said later. */
function mergeGroup(said: readonly AttemptEvent[]): Attempt {
  const ends = said.filter(hasEnded);
  // An end wins over a start, whatever came first.
  const reached = [...said.filter((event) => !hasEnded(event)), ...ends];
  const latest = reached.at(-1)!;
  const text = (column: TextColumn) => said.findLast((event) => event[column] !== '')?.[column] ?? null;
  const count = (column: CountColumn) => ends.findLast((event) => event[column] !== 0)?.[column] ?? 0;
  const toldLast = (column: 'finish_reason' | 'error_code' | 'error_message') =>
    reached.findLast((event) => event[column] !== '')?.[column] ?? null;
  const priced = ends.findLast((event) => event.cost_micros !== null);
  const tokens = { tokens_in: count('tokens_in'), tokens_out: count('tokens_out') };
  const hasFailed = latest.error_category !== '';
  return {
    ...placeOf(latest),
    attempt: said.reduce((most, { attempt }) => Math.max(most, attempt), 0),
    status: statusOf(latest.type),
    agent_id: latest.agent_id,
    parent_id: text('parent_id'),
    name: text('name'),
    step_kind: text('step_kind'),
    environment: text('environment'),
    model: text('model'),
    provider: text('provider'),
    args_hash: argsHashOf(said),
    finish_reason: ends.length > 0 ? toldLast('finish_reason') : null,
    ...timesOf(said, latest),
    updated_ms: latest.ts_ms,
    llm_calls: count('llm_calls'),
    ...tokens,
    cost_micros: priced?.cost_micros ?? null,
    tokens_unpriced: priced === undefined ? tokens.tokens_in + tokens.tokens_out : 0,
    tokens_cache_read: count('tokens_cache_read'),
    tokens_cache_write: count('tokens_cache_write'),
    tokens_reasoning: count('tokens_reasoning'),
    cost_source: priced?.cost_source || null,
    usage_scope: latest.usage_scope,
    confidence: said.findLast((event) => event.confidence !== null)?.confidence ?? null,
    error_category: latest.error_category || null,
    error_code: hasFailed ? toldLast('error_code') : null,
    error_message: hasFailed ? toldLast('error_message') : null,
    inputs: mapOf(said, 'inputs'),
    outputs: mapOf(said, 'outputs'),
    labels: mapOf(said, 'labels'),
  };
}

function argsHashOf(said: readonly AttemptEvent[]): string | null {
  const told = said.findLast(({ args_hash_hex: hash }) => /[^0]/.test(hash));
  return told === undefined ? null : told.args_hash_hex.toLowerCase().padStart(16, '0');
}

const startTypes: ReadonlySet<string> = new Set(['run.started', 'task.running', 'step.started']);

function timesOf(
  said: readonly AttemptEvent[],
  latest: AttemptEvent,
): Pick<Attempt, 'start_ms' | 'started_ms' | 'ended_ms' | 'duration_ms'> {
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

/** All keys, each with its latest value; a key that is told again goes to the end, as `mapUpdate` has it. */
function mapOf(said: readonly AttemptEvent[], column: 'inputs' | 'outputs' | 'labels'): Record<string, string> {
  const merged = new Map<string, string>();
  for (const { [column]: told = {} } of said) {
    const entries = Object.entries(told);
    for (const [key] of entries) merged.delete(key);
    for (const [key, value] of entries) merged.set(key, value);
  }
  return Object.fromEntries(merged);
}

/** What an attempt does not tell of these, the latest other one of the same task or step tells. */
function withOthers(attempts: readonly Attempt[]): Attempt[] {
  const units = new Map<string, Attempt[]>();
  for (const attempt of [...attempts].sort((a, b) => a.attempt_number - b.attempt_number)) {
    const key = JSON.stringify([attempt.kind, attempt.task_id, attempt.step_id]);
    const unit = units.get(key);
    if (unit === undefined) units.set(key, [attempt]);
    else unit.push(attempt);
  }
  return [...units.values()].flatMap((unit) =>
    unit.map((attempt) => ({
      ...attempt,
      parent_id: attempt.parent_id ?? unit.findLast((other) => other.parent_id !== null)?.parent_id ?? null,
      name: attempt.name ?? unit.findLast((other) => other.name !== null)?.name ?? null,
      step_kind: attempt.step_kind ?? unit.findLast((other) => other.step_kind !== null)?.step_kind ?? null,
      inputs: isTold(attempt.inputs) ? attempt.inputs : (unit.findLast((other) => isTold(other.inputs))?.inputs ?? {}),
    })),
  );
}

function isTold(map: Readonly<Record<string, string>>): boolean {
  return Object.keys(map).length > 0;
}
