import type { WorkAttemptRow } from '../../clickhouse/queries/work/attempt-row.js';
import { type ParentChoice, setParents } from './work-parents.js';

/**
 * The tree of a run: the run, its tasks, their steps. A task or step is one unit of work with one or more attempts; the
 * attempts are siblings, and what they caused hangs under the attempt that was under way when it began.
 *
 * The parent of a step is the unit its `parent_id` names: a step of the same task, a task of the run, or a step of
 * another task when only one has that id. A step of a task whose parent is the run, is unknown, or is not given hangs
 * under its task, one without a task under the run; a task under the unit its parent names, else under the run. Parents
 * that form a circle: see `setParents`. A task that only its steps tell of has a node without a row.
 */
export interface WorkNode {
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

/** Unique in the tree, the same in each answer: `run`, `task:<id>#<attempt>`, `step:<task>/<id>#<attempt>`. */
export function workKey({ type, taskId, stepId, attemptNumber }: WorkNode): string {
  if (type === 'run') return 'run';
  const path = type === 'task' ? taskId : `${encodeURIComponent(taskId)}/${stepId}`;
  return `${type}:${path}#${attemptNumber}`;
}

/** Nodes depth first, siblings by the begin of their unit, then ids, then attempt. `rows` may come in any order. */
export function buildWorkTree(root: WorkRoot, rows: readonly WorkAttemptRow[]): WorkNode[] {
  const tasks = tasksOf(rows);
  const units = unitsOf(tasks);
  setParents(units, parentsIn(root.runId, tasks, units));
  const top: WorkUnit[] = [];
  for (const unit of units) {
    if (unit.parent === null) top.push(unit);
    else if (unit.parent.children === none) unit.parent.children = [unit];
    else unit.parent.children.push(unit);
  }
  const nodes: WorkNode[] = [rootNode(root)];
  const waiting: Waiting[] = [];
  enter(waiting, top, { parent: 0, depth: 1 });
  for (let next = waiting.pop(); next !== undefined; next = waiting.pop()) {
    const { unit, place, depth } = next;
    const parent = nodes.push(attemptNode(next, root.lastMs)) - 1;
    const isCaused = (child: WorkUnit) => attemptUnderWay(unit, child.startMs) === place;
    const caused = unit.attempts.length === 1 ? unit.children : unit.children.filter(isCaused);
    enter(waiting, caused, { parent, depth: depth + 1 });
  }
  return nodes;
}

/** The last first: what waits is taken from the end. */
function enter(waiting: Waiting[], units: readonly WorkUnit[], under: Pick<Waiting, 'parent' | 'depth'>): void {
  const { parent, depth } = under;
  for (let index = units.length - 1; index >= 0; index--) {
    const unit = units[index]!;
    for (let place = unit.attempts.length - 1; place >= 0; place--) waiting.push({ unit, place, parent, depth });
  }
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
  parent: WorkUnit | null;
  passed: number;
  children: WorkUnit[];
}

/** Of all units without children, which most are. */
const none: WorkUnit[] = [];

interface Waiting {
  readonly unit: WorkUnit;
  readonly place: number;
  readonly parent: number;
  readonly depth: number;
}

/** What attempts name one task; an empty id: those of steps without a task. */
interface NamedTask {
  readonly taskId: string;
  startMs: number;
  readonly attempts: WorkAttemptRow[];
  readonly steps: Map<string, WorkAttemptRow[]>;
  unit: WorkUnit | null;
  readonly stepUnits: Map<string, WorkUnit>;
}

function tasksOf(rows: readonly WorkAttemptRow[]): Map<string, NamedTask> {
  const tasks = new Map<string, NamedTask>();
  for (const row of rows) {
    const { task_id: taskId, step_id: stepId, start_ms: startMs } = row;
    let task = tasks.get(taskId);
    if (task === undefined) {
      task = { taskId, startMs, attempts: [], steps: new Map(), unit: null, stepUnits: new Map() };
      tasks.set(taskId, task);
    } else if (startMs < task.startMs) task.startMs = startMs;
    if (row.kind !== 'step') {
      task.attempts.push(row);
      continue;
    }
    const attempts = task.steps.get(stepId);
    if (attempts === undefined) task.steps.set(stepId, [row]);
    else attempts.push(row);
  }
  return tasks;
}

/** Sorted as siblings are. */
function unitsOf(tasks: ReadonlyMap<string, NamedTask>): WorkUnit[] {
  const units: WorkUnit[] = [];
  for (const task of tasks.values()) {
    for (const [stepId, attempts] of task.steps) {
      const unit = unitOf('step', attempts);
      task.stepUnits.set(stepId, unit);
      units.push(unit);
    }
    if (task.attempts.length > 0) task.unit = unitOf('task', task.attempts);
    else if (task.taskId !== '') task.unit = untoldTask(task);
    if (task.unit !== null) units.push(task.unit);
  }
  return units.sort((a, b) => a.startMs - b.startMs || textOrder(a.taskId, b.taskId) || textOrder(a.stepId, b.stepId));
}

function unitOf(type: WorkUnit['type'], attempts: WorkAttemptRow[]): WorkUnit {
  if (attempts.length > 1) attempts.sort((a, b) => a.attempt_number - b.attempt_number);
  const first = attempts[0]!;
  let [startMs, parentId] = [first.start_ms, first.parent_id];
  for (const row of attempts) {
    startMs = Math.min(startMs, row.start_ms);
    parentId ??= row.parent_id;
  }
  const { task_id: taskId, step_id: stepId } = first;
  return { type, taskId, stepId, parentId, startMs, attempts, parent: null, passed: 0, children: none };
}

function untoldTask({ taskId, startMs }: NamedTask): WorkUnit {
  const attempts = [null];
  return {
    type: 'task',
    taskId,
    stepId: '',
    parentId: null,
    startMs,
    attempts,
    parent: null,
    passed: 0,
    children: none,
  };
}

function textOrder(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

/** The parent of each unit, null for the run. */
function parentsIn(
  runId: string,
  tasks: ReadonlyMap<string, NamedTask>,
  units: readonly WorkUnit[],
): ParentChoice<WorkUnit> {
  const ownTask = (unit: WorkUnit) => (unit.type === 'step' ? (tasks.get(unit.taskId)?.unit ?? null) : null);
  let stepsById: ReadonlyMap<string, WorkUnit | null> | null = null;
  const named = (unit: WorkUnit): WorkUnit | null => {
    const { parentId, taskId } = unit;
    if (parentId === null) return ownTask(unit);
    const near = tasks.get(taskId)?.stepUnits.get(parentId) ?? tasks.get(parentId)?.unit ?? null;
    if (near !== null && near !== unit) return near;
    if (parentId === runId) return ownTask(unit);
    stepsById ??= onlySteps(units);
    const only = stepsById.get(parentId) ?? null;
    return only !== null && only !== unit ? only : ownTask(unit);
  };
  return { named, fallback: ownTask };
}

/** The step of each id, null of an id that steps of several tasks have. */
function onlySteps(units: readonly WorkUnit[]): Map<string, WorkUnit | null> {
  const steps = new Map<string, WorkUnit | null>();
  for (const unit of units) {
    if (unit.type === 'step') steps.set(unit.stepId, steps.has(unit.stepId) ? null : unit);
  }
  return steps;
}

/** The last attempt that had begun by then, else the first. */
function attemptUnderWay(unit: WorkUnit, timeMs: number): number {
  const place = unit.attempts.findLastIndex((row) => row === null || row.start_ms <= timeMs);
  return Math.max(place, 0);
}

function rootNode({ startMs, endMs }: WorkRoot): WorkNode {
  return {
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
  return {
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
