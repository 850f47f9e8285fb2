import { executionTypes } from '../../../src/core/event-types.js';
import { roundedRate } from '../../support/rounded-rate.js';
import type { RawRow } from '../api-store.js';

/** Made-up events of agents, and what tests recompute from them without the product's code. */

export const minuteMs = 60_000;
export const dayMs = 86_400_000;

export interface Span {
  readonly fromMs: number;
  readonly toMs: number;
}

interface HistoryOf {
  readonly tenant: string;
  readonly agentId: string;
  readonly count: number;
  readonly nowMs: number;
  readonly days: number;
}

/**
 * Executions, steps and starts over some days, denser towards now; durations log-normal, failures in a few shapes. Some
 * failed tasks complete later, at the same time in a higher attempt, or completed before.
 */
export function history(of: HistoryOf, random: () => number): RawRow[] {
  return Array.from({ length: of.count }, (_, index) => eventsOf(of, index, random)).flat();
}

function eventsOf({ tenant, agentId, nowMs, days }: HistoryOf, index: number, random: () => number): RawRow[] {
  const ts = nowMs - Math.floor(random() ** 3 * days * dayMs);
  const type = typeOf(random());
  const normal = Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random());
  const base = { tenant, agent_id: agentId, task_id: random() < 0.95 ? `task-${index}` : '' };
  const event = {
    ...base,
    type,
    run_id: random() < 0.9 ? `run-${Math.floor(index / 7)}` : '',
    step_id: type === 'step.completed' ? `step-${index}` : '',
    ts,
    received: ts + 250,
    duration_ms: random() < 0.9 ? Math.exp(7 + normal) : null,
    llm_calls: Math.floor(random() * 5),
    tokens_in: Math.floor(random() * 4_000),
    tokens_out: Math.floor(random() * 900),
    cost_micros: random() < 0.8 ? Math.floor(random() * 50_000) : null,
    usage_scope: random() < 0.1 ? 'rolled_up' : 'own',
    memory_mb: random() < 0.5 ? random() * 900 : null,
    confidence: random() < 0.7 ? random() : null,
  };
  if (type !== 'task.failed') return [event];
  const failed = { ...event, ...failure(tenant, index, random) };
  const chance = random();
  if (chance > 0.6) return [failed];
  const [laterMs, attempt] =
    chance < 0.3 ? [Math.floor(random() * 2 * dayMs), 1] : chance < 0.4 ? [0, 2] : chance < 0.5 ? [0, 1] : [-1_000, 2];
  const againMs = Math.min(ts + laterMs, nowMs);
  return [failed, { ...base, type: 'task.completed', attempt, ts: againMs, received: againMs + 250, duration_ms: 700 }];
}

function typeOf(chance: number): string {
  if (chance < 0.6) return 'task.completed';
  if (chance < 0.75) return 'task.failed';
  if (chance < 0.8) return 'task.cancelled';
  return chance < 0.9 ? 'step.completed' : 'task.running';
}

function failure(tenant: string, index: number, random: () => number) {
  const kind = Math.floor(random() ** 2 * 6);
  return {
    error_category: ['tool', 'model', 'infra', 'retrieval', 'guardrail', 'user'][kind],
    error_code: kind === 3 ? '' : `code_${kind}`,
    error_message: `${tenant} cannot reach "host-${index}" after ${index * 3} ms, case ${'abcdef'[kind]}`,
  };
}

export function within(rows: readonly RawRow[], tenant: string, agentId: string, { fromMs, toMs }: Span): RawRow[] {
  return rows.filter((r) => r.tenant === tenant && r.agent_id === agentId && r.ts >= fromMs && r.ts < toMs);
}

const executionSet: ReadonlySet<string> = new Set(executionTypes);

export function executionsOf(rows: readonly RawRow[]): RawRow[] {
  return rows.filter((row) => executionSet.has(row.type));
}

export function numbers(found: readonly RawRow[], name: string): number[] {
  return found.map((row) => row[name]).filter((value) => typeof value === 'number');
}

export function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}

/** The counts and rates of an answer. */
export function counted(found: readonly RawRow[]) {
  const of = (type: string) => found.filter((row) => row.type === type).length;
  const [successful, failed, cancelled] = [of('task.completed'), of('task.failed'), of('task.cancelled')];
  const finished = successful + failed;
  return {
    total_executions: successful + failed + cancelled,
    successful_executions: successful,
    failed_executions: failed,
    cancelled_executions: cancelled,
    success_rate: roundedRate(successful, finished),
    error_rate: roundedRate(failed, finished),
  };
}

/** The same as metrics tell it: rates to two decimals, and 0 of nothing. */
export function told(found: readonly RawRow[]) {
  const counts = counted(found);
  const rounded = (rate: number | null) => Math.round((rate ?? 0) * 100) / 100;
  return { ...counts, success_rate: rounded(counts.success_rate), error_rate: rounded(counts.error_rate) };
}

/** What an answer says of a half besides its p95. */
export function countedHalf(found: readonly RawRow[]) {
  const { cancelled_executions: _cancelled, error_rate: _rate, ...half } = counted(found);
  return half;
}

/**
 * The error groups of the failed executions among `found`, as answers carry them. `all` holds the completions; without
 * it nothing has recovered.
 */
export function errorGroups(found: readonly RawRow[], all: readonly RawRow[] = []) {
  const completed = all.filter((row) => row.type === 'task.completed' && row.task_id !== '');
  const byTask = groupedBy(completed, taskKey);
  const recovered = (row: RawRow) =>
    (byTask.get(taskKey(row)) ?? []).some(
      (other) => other.ts > row.ts || (other.ts === row.ts && attemptOf(other) > attemptOf(row)),
    );
  const groups = groupedBy(
    found.filter((row) => row.type === 'task.failed'),
    groupKey,
  );
  return [...groups]
    .map(([key, members]) => {
      const [category, code, message] = JSON.parse(key);
      const times = members.map((row) => row.ts);
      const recoveries = members.filter(recovered).length;
      return {
        category,
        code,
        message,
        count: members.length,
        first_seen: new Date(Math.min(...times)).toISOString(),
        last_seen: new Date(Math.max(...times)).toISOString(),
        affected_runs: new Set(members.map((row) => row.run_id).filter((id) => id)).size,
        recovered: recoveries,
        failed_for_good: members.length - recoveries,
      };
    })
    .sort((a, b) => b.count - a.count || b.last_seen.localeCompare(a.last_seen));
}

function groupedBy(found: readonly RawRow[], keyOf: (row: RawRow) => string): Map<string, RawRow[]> {
  const groups = new Map<string, RawRow[]>();
  for (const row of found) {
    const members = groups.get(keyOf(row));
    if (members === undefined) groups.set(keyOf(row), [row]);
    else members.push(row);
  }
  return groups;
}

function groupKey(row: RawRow): string {
  const message = String(row.error_message ?? '')
    .replace(/"[^"]*"/, '<text>')
    .replace(/\d+/g, '<n>');
  return JSON.stringify([row.error_category, row.error_code || null, message || null]);
}

function taskKey(row: RawRow): string {
  return JSON.stringify([row.tenant, row.agent_id, row.task_id]);
}

function attemptOf(row: RawRow): number {
  return Number(row.attempt ?? 1);
}
