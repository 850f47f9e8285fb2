import { mergedTimes } from '../../support/merged-times.js';
import type { RawRow } from '../api-store.js';

/** A timeline computed from raw events without the product's code: small, slow, recursive. */
export interface NaiveNode {
  readonly node: string;
  readonly parent: string | null;
  readonly depth: number;
  readonly status: string;
  readonly attempts: number;
  readonly offset_ms: number;
  readonly own: number;
  readonly total: number;
  readonly rolled_up: number | null;
}

interface Attempt {
  readonly task: string;
  /** Null: the task itself. */
  readonly step: string | null;
  readonly number: number;
  readonly state: string;
  readonly parentId: string;
  readonly beginMs: number;
  readonly tokens: number;
  readonly isRolledUp: boolean;
}

interface Unit {
  readonly task: string;
  readonly step: string | null;
  readonly parentId: string;
  readonly beginMs: number;
  readonly attempts: readonly Attempt[];
  parent: Unit | null;
}

const ends = ['completed', 'failed', 'cancelled'];
const order = ['pending', 'running', 'started', ...ends];

function text(row: RawRow, name: string): string {
  return String(row[name] ?? '');
}

function wordOf(row: RawRow): string {
  return row.type.split('.')[1] ?? '';
}

/** Later states last: what ended, then by time, attempt, kind of state and receipt. */
function byRank(a: RawRow, b: RawRow): number {
  const rank = (row: RawRow) => [
    ends.includes(wordOf(row)) ? 1 : 0,
    row.ts,
    Number(row.attempt ?? 1),
    order.indexOf(wordOf(row)),
    row.received,
  ];
  const [left, right] = [rank(a), rank(b)];
  return left.map((value, place) => value - (right[place] ?? 0)).find((difference) => difference !== 0) ?? 0;
}

function attemptOf(events: readonly RawRow[]): Attempt {
  const sorted = [...events].sort(byRank);
  const last = sorted.at(-1) as RawRow;
  const { startedMs, endedMs } = mergedTimes(events, last);
  const firstMs = Math.min(...sorted.map(({ ts }) => ts), endedMs ?? Number.POSITIVE_INFINITY);
  const state = wordOf(last) === 'started' ? 'running' : wordOf(last);
  return {
    task: text(last, 'task_id'),
    step: last.type.startsWith('step.') ? text(last, 'step_id') : null,
    number: Math.max(1, Number(last.attempt ?? 1)),
    state,
    parentId: sorted.findLast((row) => text(row, 'parent_id') !== '')?.parent_id?.toString() ?? '',
    beginMs: startedMs ?? firstMs,
    tokens: Number(
      sorted.filter((row) => ends.includes(wordOf(row))).findLast((row) => Number(row.tokens_in ?? 0) > 0)?.tokens_in ??
        0,
    ),
    isRolledUp: text(last, 'usage_scope') === 'rolled_up',
  };
}

function groups<T>(items: readonly T[], keyOf: (item: T) => string): T[][] {
  const found = new Map<string, T[]>();
  for (const item of items) found.set(keyOf(item), [...(found.get(keyOf(item)) ?? []), item]);
  return [...found.values()];
}

function unitsOf(events: readonly RawRow[]): Unit[] {
  const work = events.filter(({ type }) => type.startsWith('task.') || type.startsWith('step.'));
  const key = (row: RawRow) => [row.type.slice(0, 4), row.task_id, row.type.startsWith('step.') ? row.step_id : ''];
  const attempts = groups(work, (row) => JSON.stringify([...key(row), Math.max(1, Number(row.attempt ?? 1))]));
  const units = groups(attempts.map(attemptOf), ({ task, step }) => JSON.stringify([task, step])).map((tries): Unit => {
    const sorted = tries.sort((a, b) => a.number - b.number);
    const [{ task, step }] = sorted as [Attempt];
    const parentId = sorted.find((attempt) => attempt.parentId !== '')?.parentId ?? '';
    const beginMs = Math.min(...sorted.map((attempt) => attempt.beginMs));
    return { task, step, parentId, beginMs, attempts: sorted, parent: null };
  });
  for (const { task } of [...units]) {
    if (task === '' || units.some((unit) => unit.task === task && unit.step === null)) continue;
    const beginMs = Math.min(...units.filter((unit) => unit.task === task).map((unit) => unit.beginMs));
    const lost = { task, step: null, number: 1, state: 'running', parentId: '', beginMs, tokens: 0, isRolledUp: false };
    units.push({ task, step: null, parentId: '', beginMs, attempts: [lost], parent: null });
  }
  const compare = (a: string, b: string) => (a < b ? -1 : a > b ? 1 : 0);
  return units.sort((a, b) => a.beginMs - b.beginMs || compare(a.task, b.task) || compare(a.step ?? '', b.step ?? ''));
}

function setParents(runId: string, units: readonly Unit[]): void {
  const taskOf = (unit: Unit) =>
    unit.step === null ? null : (units.find((other) => other.step === null && other.task === unit.task) ?? null);
  for (const unit of units) {
    const named = [
      units.find((other) => other.step === unit.parentId && other.task === unit.task),
      units.find((other) => other.step === null && other.task === unit.parentId),
      ...(unit.parentId === runId || units.filter((other) => other.step === unit.parentId).length !== 1
        ? []
        : [units.find((other) => other.step === unit.parentId)]),
    ].find((other) => other !== undefined);
    unit.parent = unit.parentId === '' || named === undefined || named === unit ? taskOf(unit) : named;
  }
  for (let circle = circleOf(units); circle.length > 0; circle = circleOf(units)) {
    const moved = circle.find((unit) => taskOf(unit) === null) ?? (circle[0] as Unit);
    moved.parent = taskOf(moved);
  }
}

/** Units, in their order, that are their own ancestors by the same circle; empty when there is none. */
function circleOf(units: readonly Unit[]): Unit[] {
  for (const unit of units) {
    const members = [unit];
    for (let above = unit.parent; above !== null && members.length <= units.length; above = above.parent) {
      if (above === unit) return units.filter((other) => members.includes(other));
      members.push(above);
    }
  }
  return [];
}

export interface NaiveRun {
  readonly runId: string;
  readonly events: readonly RawRow[];
  /** Offset 0. */
  readonly originMs: number;
  readonly runStatus: string;
  readonly runTokens: number;
  /** What has not ended: `running` or `orphaned`. */
  readonly openStatus: string;
}

export function naiveTimeline({ runId, events, originMs, runStatus, runTokens, openStatus }: NaiveRun): NaiveNode[] {
  const units = unitsOf(events);
  setParents(runId, units);
  const place = (unit: Unit, timeMs: number) =>
    unit.attempts.findLast((attempt) => attempt.beginMs <= timeMs) ?? unit.attempts[0];
  const nodesOf = (unit: Unit, parent: string, depth: number): NaiveNode[] =>
    unit.attempts.flatMap((attempt) => {
      const name = attempt.step === null ? `task:${attempt.task}` : `step:${attempt.task}/${attempt.step}`;
      const node = `${name}#${attempt.number}`;
      const below = units
        .filter((child) => child.parent === unit && place(unit, child.beginMs) === attempt)
        .flatMap((child) => nodesOf(child, node, depth + 1));
      const own = attempt.isRolledUp ? 0 : attempt.tokens;
      const children = below.filter((child) => child.parent === node);
      return [
        {
          node,
          parent,
          depth,
          status:
            ['pending', 'running'].includes(attempt.state) && openStatus === 'orphaned' ? 'orphaned' : attempt.state,
          attempts: unit.attempts.length,
          offset_ms: attempt.beginMs - originMs,
          own,
          total: own + children.reduce((sum, child) => sum + child.total, 0),
          rolled_up: attempt.isRolledUp ? attempt.tokens : null,
        },
        ...below,
      ];
    });
  const below = units.filter((unit) => unit.parent === null).flatMap((unit) => nodesOf(unit, 'run', 1));
  const total = runTokens + below.filter(({ depth }) => depth === 1).reduce((sum, child) => sum + child.total, 0);
  const run = { node: 'run', parent: null, depth: 0, status: runStatus, attempts: 1, offset_ms: 0 };
  return [{ ...run, own: runTokens, total, rolled_up: null }, ...below];
}
