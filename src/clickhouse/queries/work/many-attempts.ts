import { z } from 'zod';
import type { StoreReader } from '../../../core/ports/store-reader.js';
import { turnOfOthers } from '../../../core/turn-of-others.js';
import { checkedRows } from '../sql/checked-rows.js';
import { areLists, isNumber, isText, listsOf } from '../sql/column-lists.js';
import { type AttemptEvent, plainRow, workTypesSql } from './attempt-event.js';
import type { WorkAttemptRow } from './attempt-row.js';
import { kindOf, mergeUnits } from './merged-attempts.js';
import type { WorkScope } from './work-scope.js';

/** Events that are added up here by columns; a run of 20,000 steps has some 40,000. */
export const manyEventsMax = 60_000;

const sharedRow = plainRow.pick({
  type: true,
  agent_id: true,
  name: true,
  step_kind: true,
  environment: true,
  model: true,
  provider: true,
  finish_reason: true,
  usage_scope: true,
  cost_source: true,
  error_category: true,
  error_code: true,
});
type SharedColumn = keyof z.output<typeof sharedRow>;
const sharedColumns = Object.keys(sharedRow.shape) as SharedColumn[];

/** What events tell each for itself, a list a column. */
const texts = ['task_id', 'step_id', 'parent_id', 'error_message', "if(args_hash = 0, '', hex(args_hash))"] as const;
const counts = [
  'toUnixTimestamp64Milli(ts)',
  'toUnixTimestamp64Milli(received)',
  'attempt',
  'llm_calls',
  'tokens_in',
  'tokens_out',
  'tokens_cache_read',
  'tokens_cache_write',
  'tokens_reasoning',
] as const;
/** NULL, which lists leave out, is NaN in them, and that null in JSON. */
const optionals = [
  'toUnixTimestamp64Milli(started_at)',
  'toUnixTimestamp64Milli(ended_at)',
  'duration_ms',
  'cost_micros',
  'confidence',
] as const;

type Lists<Columns extends readonly string[], Cell> = { readonly [At in keyof Columns]: readonly Cell[] };

const row = z.object({
  ...sharedRow.shape,
  texts: z.custom<Lists<typeof texts, string>>(
    (given) => areLists(given, texts.length, isText),
    'expected lists of texts',
  ),
  counts: z.custom<Lists<typeof counts, number>>(
    (given) => areLists(given, counts.length, isNumber),
    'expected numbers',
  ),
  optionals: z.custom<Lists<typeof optionals, number | null>>(
    (given) => areLists(given, optionals.length, (cell) => cell === null || isNumber(cell)),
    'expected numbers or nulls',
  ),
});

/**
 * All attempts of a scope of many events, in no order, as `readGroupedAttempts` has them, but for what became of the
 * others. Events that have most texts in common come as one row with lists of the rest: of 20,000 events that takes a
 * quarter of the engine's CPU that the statement takes which adds them up, and their JSON is read in a third of the
 * time. Null when they are too many, or two of them in an order that the engine decides.
 */
export async function readManyAttempts(store: StoreReader, scope: WorkScope): Promise<WorkAttemptRow[] | null> {
  if (scope.events === undefined || scope.events > manyEventsMax) return null;
  const groups = await checkedRows(store, row, {
    name: 'many_attempts',
    sql: `
      SELECT
        ${sharedColumns.join(', ')},
        ${listsOf(texts)} AS texts,
        ${listsOf(counts)} AS counts,
        ${listsOf(optionals.map((column) => `coalesce(toFloat64(${column}), nan)`))} AS optionals
      FROM agent_events_raw_v1
      WHERE ${scope.where} AND type IN (${workTypesSql})
      GROUP BY ${sharedColumns.join(', ')}`,
    params: scope.params,
    isSmall: true,
  });
  const events = groups.reduce((sum, { texts: [taskIds] }) => sum + taskIds.length, 0);
  if (events > manyEventsMax) return null;
  await turnOfOthers();
  return mergeUnits(new EventUnits(groups, events).units());
}

type EventGroup = z.output<typeof row>;

/**
 * Events by the run, task or step that they are of. The events of one are made when they are asked for: all at once,
 * which live until the last is added up, cost the garbage collector more than everything else.
 */
class EventUnits {
  readonly #groups: readonly EventGroup[];
  /** Of each event its group, its place there, and the event of the same unit that came before it, -1 for none. */
  readonly #group: Int32Array;
  readonly #place: Int32Array;
  readonly #before: Int32Array;
  /** The last event of each unit: by task, and there by step. */
  readonly #tasks = new Map<string, number>();
  readonly #steps = new Map<string, Map<string, number>>();

  constructor(groups: readonly EventGroup[], events: number) {
    this.#groups = groups;
    this.#group = new Int32Array(events);
    this.#place = new Int32Array(events);
    this.#before = new Int32Array(events);
    let event = 0;
    for (const [number, { type, texts: told }] of groups.entries()) {
      const kind = kindOf(type);
      for (let at = 0; at < told[0].length; at++) {
        this.#group[event] = number;
        this.#place[event] = at;
        // The run has no task's name.
        const units = kind === 'step' ? this.#stepsOf(told[0][at]!) : this.#tasks;
        const unit = kind === 'step' ? told[1][at]! : kind === 'task' ? `task ${told[0][at]}` : 'run';
        this.#before[event] = units.get(unit) ?? -1;
        units.set(unit, event++);
      }
    }
  }

  *units(): Generator<AttemptEvent[]> {
    for (const units of [this.#tasks, ...this.#steps.values()]) {
      for (const last of units.values()) yield this.#unit(last);
    }
  }

  #stepsOf(taskId: string): Map<string, number> {
    const known = this.#steps.get(taskId);
    if (known !== undefined) return known;
    const steps = new Map<string, number>();
    this.#steps.set(taskId, steps);
    return steps;
  }

  #unit(last: number): AttemptEvent[] {
    const unit: AttemptEvent[] = [];
    for (let event = last; event >= 0; event = this.#before[event]!) {
      unit.push(eventOf(this.#groups[this.#group[event]!]!, this.#place[event]!));
    }
    return unit;
  }
}

/** Hot path: once an event. The object is written out: one with a spread in it is slow to make and to read. */
function eventOf(group: EventGroup, at: number): AttemptEvent {
  const { texts: told, counts: counted, optionals: optional } = group;
  return {
    type: group.type,
    task_id: told[0][at]!,
    step_id: told[1][at]!,
    agent_id: group.agent_id,
    attempt: counted[2][at]!,
    ts_ms: counted[0][at]!,
    received_ms: counted[1][at]!,
    started_ms: optional[0][at]!,
    ended_ms: optional[1][at]!,
    duration_ms: optional[2][at]!,
    parent_id: told[2][at]!,
    environment: group.environment,
    name: group.name,
    step_kind: group.step_kind,
    model: group.model,
    provider: group.provider,
    args_hash_hex: told[4][at]!,
    finish_reason: group.finish_reason,
    llm_calls: counted[3][at]!,
    tokens_in: counted[4][at]!,
    tokens_out: counted[5][at]!,
    tokens_cache_read: counted[6][at]!,
    tokens_cache_write: counted[7][at]!,
    tokens_reasoning: counted[8][at]!,
    cost_micros: optional[3][at]!,
    cost_source: group.cost_source,
    usage_scope: group.usage_scope,
    confidence: optional[4][at]!,
    error_category: group.error_category,
    error_code: group.error_code,
    error_message: told[3][at]!,
  };
}
