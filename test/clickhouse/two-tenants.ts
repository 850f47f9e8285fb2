import type { RawRow } from '../api/api-store.js';

/** Events of two tenants that share every id and nothing else: what one reads of the other shows. */

export const minuteMs = 60_000;
export const dayMs = 86_400_000;
/** Within every TTL, in whole minutes, and not at the edge of a day or month. */
export const baseMs = Math.floor(Date.now() / dayMs) * dayMs - dayMs / 2;
/** What leases are asked for: the first tenant is silent from then on, but for one agent, one run and one task. */
export const heardSinceMs = baseMs + 5 * minuteMs;

interface Teller {
  readonly tenant: string;
  readonly agent: string;
  /** 1 for the first tenant; the other does all of it more often, later, and with another outcome. */
  readonly other: boolean;
}

/** The first tenant has agents b and d; the other these too, and some before, between and behind them. */
export function eventsOfTenant(tenant: string, other: boolean): RawRow[] {
  const agents = other ? ['a', 'b', 'c', 'd', 'e'] : ['b', 'd'];
  return agents.flatMap((agent) => [...worked({ tenant, agent, other }), ...said({ tenant, agent, other })]);
}

function worked({ tenant, agent, other }: Teller): RawRow[] {
  const rows: RawRow[] = [];
  const laterMs = other ? 7 * minuteMs : 0;
  for (const day of [0, 1, 2]) {
    for (const run of other ? ['one', 'two', 'three'] : ['one', 'two']) {
      const startMs = baseMs - day * dayMs + laterMs;
      const runId = `run ${run} of ${agent} on ${day}`;
      const event = (type: string, atMs: number, fields: object = {}): RawRow => ({
        tenant,
        agent_id: agent,
        agent_name: `${agent} of ${tenant}`,
        run_id: runId,
        user_id: 'user',
        flow_id: `flow of ${agent}`,
        engagement_id: `deal of ${agent}`,
        type,
        ts: startMs + atMs,
        received: startMs + atMs + 200,
        ...fields,
      });
      rows.push(...runEvents(event, { tenant, other, task: `task of ${runId}` }));
    }
  }
  return rows;
}

type MakeEvent = (type: string, atMs: number, fields?: object) => RawRow;

function runEvents(
  event: MakeEvent,
  { tenant, other, task }: { readonly tenant: string; readonly other: boolean; readonly task: string },
): RawRow[] {
  const usage = { llm_calls: other ? 5 : 1, tokens_in: other ? 700 : 10, tokens_out: other ? 90 : 2, cost_micros: 50 };
  const error = {
    error_category: other ? 'model' : 'tool',
    error_code: other ? 'quota' : 'timeout',
    error_message: `no answer to ${tenant}`,
  };
  const step = { task_id: task, step_id: `step of ${task}`, name: 'search', step_kind: 'tool' };
  const family = { task_id: task, name: 'ask', step_kind: 'llm' };
  const work = { confidence: other ? 0.9 : 0.25, memory_mb: other ? 900 : 64, duration_ms: other ? 9_000 : 120 };
  return [
    event('run.started', 0, { inputs: { asked: tenant } }),
    event('task.running', 10, { task_id: task, inputs: { asked: tenant } }),
    event('step.started', 20, step),
    event('step.failed', 30, { ...step, ...error, ...usage }),
    event('step.failed', 35, { ...family, ...error, step_id: `ask of ${task}.1`, attempt: 1 }),
    ...(other ? [event('step.completed', 40, { ...step, ...usage, attempt: 2, outputs: { found: tenant } })] : []),
    ...(other ? [event('step.completed', 45, { ...family, step_id: `ask of ${task}.2`, attempt: 2 })] : []),
    event('log', 50, { task_id: task, level: other ? 'error' : 'info', message: `${tenant} looked`, step_id: 's' }),
    event('task.failed', 60, { task_id: task, ...error, ...usage, ...work }),
    ...(other ? [event('task.completed', 61, { task_id: task, ...usage, ...work, outputs: { found: tenant } })] : []),
    event('task.completed', 70, { task_id: `other ${task}`, ...usage, ...work, outputs: { found: tenant } }),
    event('task.running', 75, { task_id: `open ${task}` }),
    event('task.running', 76, { task_id: `bare ${task}`, run_id: '' }),
    event(other ? 'run.completed' : 'run.failed', 90, {
      ...(other ? { outputs: { found: tenant } } : error),
      usage_scope: 'rolled_up',
      ...usage,
    }),
    event('run.started', 95, { run_id: `open ${task}` }),
    ...(other ? heartbeats(event, task) : []),
    ...(other ? atTheTimeOfTheFirst(event, tenant, { task, ...work }) : []),
  ];
}

const lateMs = baseMs + 9 * minuteMs;

/** Within the minutes of the first tenant's, and before them. */
function atTheTimeOfTheFirst(event: MakeEvent, tenant: string, { task, ...work }: { readonly task: string }): RawRow[] {
  const ended = { ...work, outputs: { found: `early ${tenant}` } };
  return [
    event('task.running', -8 * minuteMs, { task_id: `their own ${task}` }),
    event('step.completed', -7 * minuteMs + 40, { ...ended, task_id: task, step_id: 'their own step' }),
    event('task.completed', -7 * minuteMs + 85, { ...ended, task_id: `their early ${task}` }),
    // Received so late that a restart may lie between it and what else there is of its minute.
    event('task.completed', -7 * minuteMs + 86, { ...ended, task_id: `their late ${task}`, received: lateMs }),
  ];
}

/** What keeps alive whatever the other tenant has under the same ids. */
function heartbeats(event: MakeEvent, task: string): RawRow[] {
  return [
    event('heartbeat', 100, { run_id: '', user_id: '' }),
    event('heartbeat', 110, {}),
    event('log', 120, { task_id: `open ${task}`, message: 'still there' }),
    event('log', 130, { task_id: `bare ${task}`, run_id: '', message: 'still there' }),
    event('log', 140, { run_id: `open ${task}`, message: 'still there' }),
  ];
}

function said({ tenant, agent, other }: Teller): RawRow[] {
  const atMs = baseMs + (other ? 8 * minuteMs : 1_000);
  const event = (type: string, fields: object): RawRow => ({
    tenant,
    agent_id: agent,
    type,
    ts: atMs,
    received: atMs + 100,
    ...fields,
  });
  const pattern = {
    pattern_id: 'pattern',
    pattern_type: other ? 'usage' : 'failure',
    name: `seen by ${tenant}`,
    message: `says ${tenant}`,
    confidence: other ? 0.9 : 0.5,
    effectiveness: other ? 0.8 : 0.1,
    evidence: [`evidence of ${tenant}`],
  };
  const feedback = { pattern_id: 'pattern', feedback_score: other ? 5 : 1, feedback_text: `thanks ${tenant}` };
  const rows = [
    event('memory.stored', { user_id: 'user', message: tenant }),
    event('pattern.observed', pattern),
    event('pattern.feedback', { ...feedback, event_id: `feedback of ${agent}` }),
  ];
  if (other) {
    return [
      ...rows,
      event('memory.recalled', { user_id: 'user' }),
      event('pattern.observed', { ...pattern, pattern_id: 'q' }),
    ];
  }
  // The one of the first tenant's that is heard of.
  const heardMs = heardSinceMs + 10;
  const heard = { agent_id: 'd', ts: heardMs, received: heardMs };
  return agent === 'd' ? [...rows, event('heartbeat', heard)] : rows;
}
