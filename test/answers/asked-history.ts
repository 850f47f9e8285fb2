import { exampleEvents } from '../support/operation-examples.js';
import { PlannedHistory } from '../support/planned-history.js';
import { seededRandom } from '../support/seeded-random.js';
import { type Style, ToldHistory } from '../support/told-history.js';

type Event = Readonly<Record<string, unknown>>;

/** What one tenant is told, in this order, and the ids that are asked about. */
export interface AskedTenant {
  readonly name: string;
  readonly events: readonly Event[];
  readonly runIds: readonly string[];
  readonly taskIds: readonly string[];
  readonly patternIds: readonly string[];
}

const hourMs = 3_600_000;
const dayMs = 24 * hourMs;

/**
 * When work began, before the base time. Between them lie the edges and the middles of the ranges of 1 h, 1, 7, 30 and
 * 90 days: an answer is the same whenever it is asked within some hours from the base time on.
 */
const eras: readonly {
  readonly name: string;
  readonly fromMs: number;
  readonly toMs: number;
  readonly runs: number;
}[] = [
  { name: 'recent', fromMs: 8 * hourMs, toMs: 2 * hourMs, runs: 5 },
  { name: 'day', fromMs: 19 * hourMs, toMs: 13 * hourMs, runs: 5 },
  { name: 'days', fromMs: 3 * dayMs, toMs: 1.5 * dayMs, runs: 5 },
  { name: 'week', fromMs: 6 * dayMs, toMs: 4 * dayMs, runs: 5 },
  { name: 'weeks', fromMs: 14 * dayMs, toMs: 9 * dayMs, runs: 4 },
  { name: 'month', fromMs: 27 * dayMs, toMs: 17 * dayMs, runs: 4 },
  { name: 'months', fromMs: 42 * dayMs, toMs: 33 * dayMs, runs: 3 },
  { name: 'quarter', fromMs: 80 * dayMs, toMs: 50 * dayMs, runs: 3 },
];

/** Of planned work a run begins an hour at least before the end of its history, of told work a quarter of one. */
const plannedMarginMs = hourMs;

export const mainTenant = 'planned';
export const exampleTenant = 'examples';
const styles: readonly Style[] = ['told', 'bare', 'runless', 'resent'];

/** One tenant with planned work of a quarter of a year, one for each style of writing, and one of examples. */
export function askedHistory(seed: number, baseMs: number): AskedTenant[] {
  const random = seededRandom(seed);
  const plans = eras.map(({ name, fromMs, toMs, runs }) => {
    const endMs = baseMs - toMs + plannedMarginMs;
    const plan = new PlannedHistory(random, { runs, endMs, spanMs: fromMs - toMs + plannedMarginMs });
    return renamed(plan, name);
  });
  const planned: AskedTenant = {
    name: mainTenant,
    events: plans.flatMap(({ events }) => events).sort((a, b) => Number(a.ts) - Number(b.ts)),
    runIds: plans.flatMap(({ runIds }) => runIds),
    taskIds: plans.flatMap(({ taskIds }) => taskIds),
    patternIds: plans.flatMap(({ patternIds }) => patternIds),
  };
  const told = new ToldHistory(random, { runs: 6, endMs: baseMs - 2 * hourMs, spanMs: 7 * hourMs });
  const { runIds, taskIds, patternIds } = told;
  const examples = exampleEvents(baseMs - 3 * hourMs).map((event, at) => {
    // What has no time is now to the collector.
    return { event_id: `example-${at}`, ts: baseMs - 3 * hourMs, ...event };
  });
  return [
    planned,
    ...styles.map((name) => ({ name, events: told.in(name), runIds, taskIds, patternIds })),
    {
      name: exampleTenant,
      events: examples,
      runIds: ['api-run', 'api-doomed-run'],
      taskIds: ['api-task', 'api-task-2'],
      patternIds: ['api-pattern'],
    },
  ];
}

/** Each plan uses the same ids: with the name of its era they are its own. */
function renamed(plan: PlannedHistory, era: string): Omit<AskedTenant, 'name'> {
  const rename = (value: unknown): unknown => {
    if (typeof value === 'string') return /^(run|task|pattern|event)-/.test(value) ? `${era}-${value}` : value;
    return Array.isArray(value) ? value.map(rename) : value;
  };
  const all = (ids: readonly string[]) => ids.map((id) => `${era}-${id}`);
  return {
    events: plan.events.map((event) => Object.fromEntries(Object.entries(event).map(([k, v]) => [k, rename(v)]))),
    runIds: all(plan.runIds),
    taskIds: all(plan.taskIds),
    patternIds: all(plan.patternIds),
  };
}

/** A run that is watched while it happens. */
export function watchedEvents(baseMs: number): readonly Event[] {
  const run = { agent_id: 'watched', run_id: 'watched-run', user_id: 'user-a' };
  const task = { ...run, task_id: 'watched-task' };
  const at = (second: number) => baseMs - 4 * hourMs + second * 1_000;
  return [
    { ...run, type: 'run.started', ts: at(0), name: 'watched' },
    { ...task, type: 'task.running', ts: at(1), inputs: { topic: 'tides' } },
    { ...task, type: 'step.started', step_id: 'watched-step', step_kind: 'tool', name: 'search', ts: at(2) },
    { ...task, type: 'step.failed', step_id: 'watched-step', ts: at(3), error_category: 'tool', error_code: 'timeout' },
    { ...task, type: 'task.completed', ts: at(4), tokens_in: 900, tokens_out: 100, cost_micros: 4_000, llm_calls: 2 },
    { ...run, type: 'run.completed', ts: at(5), outputs: { answer: 42 } },
  ];
}
