import { unitKey, type WorkAttemptRow } from '../../clickhouse/queries/work/attempt-row.js';
import { invariant } from '../../core/invariant.js';
import { brokenCycles } from './work-parents.js';

/**
 * The tree of a run: the run, its tasks, their steps. A task or step is one unit of work with one or more attempts; the
 * attempts are siblings, and what they caused hangs under the attempt that was under way when it began.
 *
 * The parent of a step is the unit its `parent_id` names: a step of the same task, a task of the run, or a step of
 * another task when only one has that id. A step of a task whose parent is the run, is unknown, or is not given hangs
 * under its task, one without a task under the run; a task under the unit its parent names, else under the run. Parents
 * that form a circle: see `brokenCycles`. A task that only its steps tell of has a node without a row.
 */
export interface WorkNode {
  /** Unique in the tree, the same in each answer: `run`, `task:<id>#<attempt>`, `step:<task>/<id>#<attempt>`. */
  readonly key: string;
  readonly type: 'run' | 'task' | 'step';
  readonly taskId: string;
  readonly stepId: string;
  readonly attemptNumber: number;
  /** Attempts of the same unit that are known, this one included. */
  readonly attempts: number;
  /** Null for the run, and for a task without an event of its own. */
  readonly row: WorkAttemptRow | null;
  /** Index of the parent in the tree, -1 for the run. */
  readonly parent: number;
  readonly depth: number;
  readonly startMs: number;
  /** What has not ended reaches to the last event of the run. */
  readonly endMs: number;
}

/** The run as the root: when it began and ended, or its first and last event. */
export interface WorkRoot {
  readonly runId: string;
  readonly startMs: number;
  readonly endMs: number;
  /** Time of the last event, where open work reaches to. */
  readonly lastMs: number;
}

/** Nodes depth first, siblings by the begin of their unit, then ids, then attempt. `rows` may come in any order. */
export function buildWorkTree(root: WorkRoot, rows: readonly WorkAttemptRow[]): WorkNode[] {
  const units = unitsOf(rows);
  const parents = parentsOf(root.runId, units);
  const children = new Map<WorkUnit | null, WorkUnit[]>();
  for (const unit of units) {
    const parent = parents.get(unit) ?? null;
    const siblings = children.get(parent);
    if (siblings === undefined) children.set(parent, [unit]);
    else siblings.push(unit);
  }
  const nodes: WorkNode[] = [rootNode(root)];
  const waiting: Waiting[] = [];
  const enter = (under: readonly WorkUnit[], parent: number, depth: number) => {
    for (const unit of under.toReversed()) {
      for (let place = unit.attempts.length - 1; place >= 0; place--) waiting.push({ unit, place, parent, depth });
    }
  };
  enter(children.get(null) ?? [], 0, 1);
  for (let next = waiting.pop(); next !== undefined; next = waiting.pop()) {
    const index = nodes.push(attemptNode(next, root.lastMs)) - 1;
    const { unit, place, depth } = next;
    const caused = (children.get(unit) ?? []).filter((child) => attemptUnderWay(unit, child.startMs) === place);
    enter(caused, index, depth + 1);
  }
  return nodes;
}

/** A task or step with its attempts, by number. */
interface WorkUnit {
  readonly type: 'task' | 'step';
  readonly taskId: string;
  readonly stepId: string;
  /** As reported by the first attempt that names one. */
  readonly parentId: string | null;
  readonly startMs: number;
  /** One attempt without a row: a task that only its steps tell of. */
  readonly attempts: readonly (WorkAttemptRow | null)[];
}

interface Waiting {
  readonly unit: WorkUnit;
  readonly place: number;
  readonly parent: number;
  readonly depth: number;
}

/** Sorted as siblings are. */
function unitsOf(rows: readonly WorkAttemptRow[]): WorkUnit[] {
  const grouped = new Map<string, WorkAttemptRow[]>();
  const tasksNamed = new Map<string, number>();
  for (const row of rows) {
    const key = unitKey(row);
    const attempts = grouped.get(key);
    if (attempts === undefined) grouped.set(key, [row]);
    else attempts.push(row);
    if (row.task_id !== '')
      tasksNamed.set(row.task_id, Math.min(tasksNamed.get(row.task_id) ?? row.start_ms, row.start_ms));
  }
  const units: WorkUnit[] = [];
  for (const attempts of grouped.values()) {
    const [first] = attempts.sort((a, b) => a.attempt_number - b.attempt_number);
    invariant(first !== undefined, 'a group of attempts has at least one');
    units.push({
      type: first.kind === 'step' ? 'step' : 'task',
      taskId: first.task_id,
      stepId: first.step_id,
      parentId: attempts.find((row) => row.parent_id !== null)?.parent_id ?? null,
      startMs: attempts.reduce((least, row) => Math.min(least, row.start_ms), first.start_ms),
      attempts,
    });
  }
  for (const [taskId, startMs] of tasksNamed) {
    if (grouped.has(taskKey(taskId))) continue;
    units.push({ type: 'task', taskId, stepId: '', parentId: null, startMs, attempts: [null] });
  }
  return units.sort((a, b) => a.startMs - b.startMs || textOrder(a.taskId, b.taskId) || textOrder(a.stepId, b.stepId));
}

function textOrder(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

function taskKey(taskId: string): string {
  return unitKey({ kind: 'task', task_id: taskId, step_id: '' });
}

function stepKey(taskId: string, stepId: string): string {
  return unitKey({ kind: 'step', task_id: taskId, step_id: stepId });
}

/** The parent of each unit, null for the run. Following parents from any unit ends at the run. */
function parentsOf(runId: string, units: readonly WorkUnit[]): Map<WorkUnit, WorkUnit | null> {
  const byKey = new Map<string, WorkUnit>();
  const stepsById = new Map<string, WorkUnit[]>();
  for (const unit of units) {
    byKey.set(unit.type === 'step' ? stepKey(unit.taskId, unit.stepId) : taskKey(unit.taskId), unit);
    if (unit.type !== 'step') continue;
    const same = stepsById.get(unit.stepId);
    if (same === undefined) stepsById.set(unit.stepId, [unit]);
    else same.push(unit);
  }
  const ownTask = (unit: WorkUnit) => (unit.type === 'step' ? (byKey.get(taskKey(unit.taskId)) ?? null) : null);
  const named = (unit: WorkUnit): WorkUnit | null => {
    const { parentId, taskId } = unit;
    if (parentId === null) return ownTask(unit);
    const near = byKey.get(stepKey(taskId, parentId)) ?? byKey.get(taskKey(parentId));
    if (near !== undefined && near !== unit) return near;
    const steps = parentId === runId ? [] : (stepsById.get(parentId) ?? []);
    const [only] = steps;
    return steps.length === 1 && only !== undefined && only !== unit ? only : ownTask(unit);
  };
  return brokenCycles(units, { named, fallback: ownTask });
}

/** The last attempt that had begun by then, else the first. */
function attemptUnderWay(unit: WorkUnit, timeMs: number): number {
  const place = unit.attempts.findLastIndex((row) => row === null || row.start_ms <= timeMs);
  return Math.max(place, 0);
}

function rootNode({ startMs, endMs }: WorkRoot): WorkNode {
  return {
    key: 'run',
    type: 'run',
    taskId: '',
    stepId: '',
    attemptNumber: 1,
    attempts: 1,
    row: null,
    parent: -1,
    depth: 0,
    startMs,
    endMs: Math.max(startMs, endMs),
  };
}

function attemptNode({ unit, place, parent, depth }: Waiting, lastMs: number): WorkNode {
  const row = unit.attempts[place] ?? null;
  const { type, taskId, stepId } = unit;
  const attemptNumber = row?.attempt_number ?? 1;
  const startMs = row?.start_ms ?? unit.startMs;
  const path = type === 'task' ? taskId : `${encodeURIComponent(taskId)}/${stepId}`;
  return {
    key: `${type}:${path}#${attemptNumber}`,
    type,
    taskId,
    stepId,
    attemptNumber,
    attempts: unit.attempts.length,
    row,
    parent,
    depth,
    startMs,
    endMs: Math.max(startMs, row?.ended_ms ?? lastMs),
  };
}
