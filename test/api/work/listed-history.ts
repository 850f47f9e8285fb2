import { type MergedTimes, mergedTimes } from '../../support/merged-times.js';
import { randomInteger } from '../../support/seeded-random.js';
import type { RawRow } from '../api-store.js';

export const minuteMs = 60_000;

/** What a list must say of a task or run, told from the events alone, another way than the store does. */
export interface ListedItem {
  readonly id: string;
  readonly startMs: number;
  readonly status: string;
  readonly latest: RawRow;
  readonly times: MergedTimes;
  /** Its start; `startMs` is its place in the list. */
  readonly beganMs: number;
}

const endings = ['completed', 'failed', 'cancelled'] as const;
const categories = ['tool', 'model', 'retrieval', 'infra'] as const;
const messages = [
  'No answer from SEARCH',
  'quota of the model is used up',
  'Straße gesperrt: ÄRGER',
  '100 % of \\n retries',
];

export interface HistoryPlan {
  readonly kind: 'task' | 'run';
  readonly tenant: string;
  readonly count: number;
  readonly nowMs: number;
}

/**
 * Events of tasks or runs of every kind of trouble: starts that were lost or come last, ends that happened before their
 * start, duplicates, states that disagree on the start, failures that were tried again under the same id.
 */
export function plannedEvents(random: () => number, plan: HistoryPlan): RawRow[] {
  const rows: RawRow[] = [];
  for (let index = 0; index < plan.count; index++) rows.push(...eventsOf(random, plan, index));
  return shuffled(random, rows);
}

function eventsOf(random: () => number, { kind, tenant, nowMs }: HistoryPlan, index: number): RawRow[] {
  const pick = (count: number) => randomInteger(random, { min: 0, max: count - 1 });
  const chance = (share: number) => random() < share;
  // Some begin in the same millisecond; the younger half is within the lease of five minutes.
  const ageMs = chance(0.5) ? pick(4) * minuteMs : pick(400) * minuteMs;
  const beganMs = nowMs - 30_000 - ageMs - pick(3) * 1_000;
  const shared = {
    tenant,
    agent_id: `agent-${pick(5)}`,
    [`${kind}_id`]: `${kind}-${String(index).padStart(4, '0')}`,
    ...(kind === 'task' ? { run_id: `run-${pick(40)}` } : {}),
    crew_id: chance(0.8) ? `crew-${pick(3)}` : '',
    flow_id: `flow-${pick(4)}`,
    engagement_id: `engagement-${pick(9)}`,
    user_id: `user-${pick(12)}`,
    session_id: `session-${pick(30)}`,
    environment: ['production', 'staging', ''][index % 3],
    model: ['large-4', 'small-4', ''][(index % 5) % 3],
    provider: ['northwind', 'lighthouse', ''][(index % 5) % 3],
    name: 'summarise',
    inputs: { topic: `tide ${index}` },
    received: beganMs + 20,
  };
  const rows: RawRow[] = [];
  if (kind === 'task' && chance(0.4)) rows.push({ ...shared, type: 'task.pending', ts: beganMs - 300 });
  if (chance(0.8)) rows.push({ ...shared, type: kind === 'task' ? 'task.running' : 'run.started', ts: beganMs });
  const ends = rows.length === 0 ? 1 + pick(2) : pick(3);
  for (let attempt = 1; attempt <= ends; attempt++)
    rows.push(ending(random, { ...shared, type: '', ts: 0 }, { kind, beganMs, attempt }));
  return rows.flatMap((row) => (chance(0.2) ? [row, { ...row, received: row.received + 1 }] : [row]));
}

function ending(
  random: () => number,
  row: RawRow,
  given: { readonly kind: string; readonly beganMs: number; readonly attempt: number },
): RawRow {
  const { kind, beganMs, attempt } = given;
  const tookMs = randomInteger(random, { min: 1, max: 20_000 }) + 0.75;
  const type = `${kind}.${endings[randomInteger(random, { min: 0, max: 2 })]}`;
  // A clock that went back: the end happened before the start.
  const ts = beganMs + attempt * 7 - (random() < 0.2 ? 5_000 : 0) + Math.floor(tookMs / 100) * 10;
  const started = [{ started_at: beganMs }, { started_at: beganMs + 450 }, {}][
    randomInteger(random, { min: 0, max: 2 })
  ];
  const failure = {
    error_category: categories[randomInteger(random, { min: 0, max: 3 })],
    error_message: messages[randomInteger(random, { min: 0, max: 3 })],
  };
  const usage = {
    llm_calls: 1,
    tokens_in: attempt * 10,
    tokens_out: attempt,
    tokens_cache_read: attempt * 4,
    tokens_cache_write: attempt,
    tokens_reasoning: attempt - 1,
    cost_micros: random() < 0.2 ? null : 400 * attempt,
  };
  return {
    ...row,
    ...started,
    ...usage,
    ...(random() < 0.9 ? { duration_ms: tookMs } : {}),
    ...(type.endsWith('failed') ? failure : {}),
    usage_scope: random() < 0.2 ? 'rolled_up' : 'own',
    outputs: { rows: String(attempt) },
    type,
    ts,
    attempt,
    received: row.received + 5,
  };
}

/** So many runs were heard of lately that they are not listed, each by an event that is of no task and no run's own. */
export function crowd(tenant: string, nowMs: number): RawRow[] {
  return Array.from({ length: 1_001 }, (_, at) => ({
    ...{ tenant, agent_id: 'crowd', run_id: `crowd-${at}`, type: 'log', ts: nowMs, received: nowMs - minuteMs },
  }));
}

export function shuffled<Item>(random: () => number, items: readonly Item[]): Item[] {
  const mixed = [...items];
  for (let index = mixed.length - 1; index > 0; index--) {
    const other = randomInteger(random, { min: 0, max: index });
    [mixed[index], mixed[other]] = [mixed[other] as Item, mixed[index] as Item];
  }
  return mixed;
}

const ranks = ['pending', 'started', 'running', 'completed', 'failed', 'cancelled'];

/**
 * The list of a tenant, newest start first. A task or run has its place where the latest start is that an event tells
 * of those that a filter looks at.
 */
export function listed(
  rows: readonly RawRow[],
  kind: 'task' | 'run',
  at: { tenant: string; nowMs: number },
  looksAt: (row: RawRow) => boolean = () => true,
): ListedItem[] {
  const mine = rows.filter((row) => row.tenant === at.tenant);
  const byId = new Map<string, RawRow[]>();
  for (const row of mine.filter(({ type }) => type.startsWith(`${kind}.`))) {
    const id = String(row[`${kind}_id`]);
    byId.set(id, [...(byId.get(id) ?? []), row]);
  }
  const items = [...byId].flatMap(([id, states]): ListedItem[] => {
    const [latest] = states.sort((a, b) => order(b) - order(a) || b.ts - a.ts || attemptOf(b) - attemptOf(a));
    if (latest === undefined) throw new Error('a group has a row');
    const starts = states.filter(looksAt).map(startTold);
    if (starts.length === 0) return [];
    const status = statusOf(mine, { id, kind, latest, nowMs: at.nowMs });
    const times = mergedTimes(states, latest);
    const beganMs = times.startedMs ?? Math.max(...states.map(startTold));
    return [{ id, startMs: Math.max(...starts), beganMs, latest, status, times }];
  });
  return items.sort((a, b) => b.startMs - a.startMs || (a.id < b.id ? 1 : -1));
}

/** A list that is all on one page is in the order of starts. */
export function shown(items: readonly ListedItem[], limit: number): readonly ListedItem[] {
  if (items.length > limit) return items;
  return [...items].sort((a, b) => b.beganMs - a.beganMs || (a.id < b.id ? 1 : -1));
}

function startTold({ started_at: startedAt, duration_ms: durationMs, ts }: RawRow): number {
  return typeof startedAt === 'number' ? startedAt : ts - Math.trunc(Number(durationMs ?? 0));
}

/** The events that a filter looks at: of what it asks about the end of a task, those that tell it. */
export function lookedAt(query: string): (row: RawRow) => boolean {
  const asked = new URLSearchParams(query);
  const status = asked.get('status');
  const category = asked.get('error_category');
  const text = asked.get('error_text')?.toLowerCase().replaceAll('ss', 'ß');
  const hasEnded = ['completed', 'failed', 'cancelled'];
  const from = Date.parse(asked.get('start_date_from') ?? '1970-01-01');
  const to = Date.parse(asked.get('start_date_to') ?? '2200-01-01');
  // An end that does not know its start tells a later one.
  const slackMs = status === null && category === null && text === undefined ? 0 : 60 * minuteMs;
  return (row) =>
    startTold(row) >= from &&
    startTold(row) <= to + slackMs &&
    (status === null || (hasEnded.includes(status) ? row.type.endsWith(status) : order(row) === 0)) &&
    (category === null || row.error_category === category) &&
    (text === undefined ||
      String(row.error_message ?? '')
        .toLowerCase()
        .includes(text));
}

function order({ type }: RawRow): number {
  return ranks.indexOf(type.slice(type.indexOf('.') + 1)) > 2 ? 1 : 0;
}

function attemptOf(row: RawRow): number {
  return Number(row.attempt ?? 1);
}

interface Asked {
  readonly id: string;
  readonly kind: 'task' | 'run';
  readonly latest: RawRow;
  readonly nowMs: number;
}

function statusOf(rows: readonly RawRow[], { id, kind, latest, nowMs }: Asked): string {
  const state = latest.type.slice(latest.type.indexOf('.') + 1).replace('started', 'running');
  if (order(latest) === 1) return state;
  const heard = rows.some((row) => {
    if (row.received < nowMs - 5 * minuteMs) return false;
    if (row[`${kind}_id`] === id && (kind === 'run' || isOfTask(row, latest))) return true;
    if (row.type !== 'heartbeat') return false;
    const isBare = (row.run_id ?? '') === '' && (row.task_id ?? '') === '';
    return (isBare && row.agent_id === latest.agent_id) || (kind === 'task' && row.run_id === latest.run_id);
  });
  return heard ? state : 'orphaned';
}

/** An event of another run, or of another agent where no run is told, is of another task. */
function isOfTask(row: RawRow, task: RawRow): boolean {
  const runOf = (event: RawRow) => event.run_id ?? '';
  return runOf(row) === '' ? row.agent_id === task.agent_id : runOf(row) === runOf(task);
}
