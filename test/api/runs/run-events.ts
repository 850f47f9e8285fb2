import { pick } from '../../../src/cli/seeded-random.js';
import { randomInteger } from '../../support/seeded-random.js';
import type { RawRow } from '../api-store.js';

/** Made-up events of a run: retries, lost starts and ends, steps without tasks, parents of every kind. */
export interface RunOf {
  readonly tenant: string;
  readonly runId: string;
  readonly startMs: number;
}

type Random = () => number;

export function runEvents({ tenant, runId, startMs }: RunOf, random: Random): RawRow[] {
  const tasks = Array.from({ length: randomInteger(random, { min: 0, max: 4 }) }, (_, index) => `t${index}`);
  const steps = Array.from({ length: randomInteger(random, { min: 0, max: 14 }) }, (_, index) => `s${index % 9}`);
  const parents = ['', '', runId, 'nowhere', ...tasks, ...steps] as const;
  const shared = { tenant, run_id: runId };
  const rows: RawRow[] = [];
  for (const task of tasks) {
    const parent = { task_id: task, parent_id: pick(random, ['', '', ...parents]) };
    // Its own events may all be lost.
    if (random() < 0.85) rows.push(...attempts({ ...shared, ...parent }, 'task', startMs, random));
  }
  for (const step of steps) {
    const task = pick(random, ['', ...tasks]);
    const names = { task_id: task, step_id: step, parent_id: pick(random, parents) };
    rows.push(...attempts({ ...shared, ...names }, 'step', startMs, random));
  }
  return rows;
}

/** One to three attempts, each with its events, some of them lost. */
function attempts(names: object, unit: 'task' | 'step', startMs: number, random: Random): RawRow[] {
  const rows: RawRow[] = [];
  let beginMs = startMs + randomInteger(random, { min: -20, max: 5_000 });
  const count = random() < 0.25 ? randomInteger(random, { min: 2, max: 3 }) : 1;
  for (let attempt = 1; attempt <= count; attempt++) {
    const endMs = beginMs + randomInteger(random, { min: 0, max: 2_000 });
    const event = (word: string, ts: number, more: object = {}): RawRow => ({
      tenant: '',
      ...names,
      agent_id: `agent-${randomInteger(random, { min: 0, max: 3 })}`,
      // An agent that does not count its attempts has but one.
      attempt: count === 1 && random() < 0.3 ? 0 : attempt,
      type: `${unit}.${word}`,
      ts,
      received: ts + randomInteger(random, { min: 1, max: 900 }),
      ...more,
    });
    const told = random();
    if (unit === 'task' && random() < 0.3) rows.push(event('pending', beginMs - 5));
    if (told < 0.85) rows.push(event(unit === 'task' ? 'running' : 'started', beginMs));
    if (told > 0.1) rows.push(event(ending(unit, attempt < count, random), endMs, usage(beginMs, endMs, random)));
    beginMs = endMs + randomInteger(random, { min: 0, max: 300 });
  }
  return rows;
}

function ending(unit: 'task' | 'step', isRetried: boolean, random: Random): string {
  if (isRetried || random() < 0.2) return 'failed';
  return unit === 'task' && random() < 0.1 ? 'cancelled' : 'completed';
}

function usage(startedMs: number, endedMs: number, random: Random): object {
  return {
    duration_ms: random() < 0.8 ? endedMs - startedMs : null,
    ...(random() < 0.3 ? { started_at: startedMs, ended_at: endedMs } : {}),
    tokens_in: randomInteger(random, { min: 0, max: 500 }),
    usage_scope: random() < 0.15 ? 'rolled_up' : 'own',
  };
}

/** Every event at least once, some twice, in any order. */
export function delivered(rows: readonly RawRow[], random: Random): RawRow[] {
  const repeated = rows.flatMap((row) => (random() < 0.15 ? [row, row] : [row]));
  return repeated
    .map((row) => ({ row, place: random() }))
    .sort((a, b) => a.place - b.place)
    .map(({ row }) => row);
}
