const dayMs = 86_400_000;

/** What the examples of the documentation ask for: its agents, runs, tasks and patterns. */
export function documentedEvents(nowMs: number): readonly Readonly<Record<string, unknown>>[] {
  return [...nightlyReport(nowMs), ...patterns(nowMs), ...others(nowMs)];
}

/** `run-7`, with both of its tasks, a step that was tried twice, a log line and memory. */
function nightlyReport(nowMs: number): Readonly<Record<string, unknown>>[] {
  const run = {
    agent_id: 'researcher',
    agent_name: 'Researcher',
    run_id: 'run-7',
    user_id: 'ann',
    crew_id: 'night-shift',
  };
  const task = { ...run, task_id: 'task-42', name: 'find sources' };
  const step = { ...task, step_id: 'search', name: 'web_search', step_kind: 'tool' };
  const usage = { llm_calls: 1, tokens_in: 300, tokens_out: 20, cost_micros: 900, confidence: 0.9 };
  const failure = { error_category: 'tool', error_code: 'timeout', error_message: 'no answer within 900 ms' };
  return [
    { ...run, type: 'run.started', name: 'nightly report', ts: nowMs - 9_000, inputs: { topic: 'tides' } },
    { ...task, type: 'task.running', ts: nowMs - 8_900, inputs: { topic: 'tides' } },
    { ...step, ...failure, type: 'step.failed', attempt: 1, started_at: nowMs - 8_800, ended_at: nowMs - 7_900 },
    { ...task, type: 'log', level: 'warn', step_id: 'search', message: 'search timed out, trying again' },
    { ...step, ...usage, type: 'step.completed', attempt: 2, started_at: nowMs - 7_800, ended_at: nowMs - 7_000 },
    {
      ...task,
      ...usage,
      type: 'task.completed',
      started_at: nowMs - 8_900,
      ended_at: nowMs - 6_000,
      outputs: { sources: 4 },
    },
    { ...run, ...failure, type: 'task.failed', task_id: 'task-43', started_at: nowMs - 6_000, ended_at: nowMs - 4_000 },
    { ...run, type: 'memory.stored', task_id: 'task-42' },
    { ...run, type: 'run.completed', ended_at: nowMs - 3_000, flow_id: 'weekly-report', outputs: { report: 'r-7' } },
  ];
}

function patterns(nowMs: number): Readonly<Record<string, unknown>>[] {
  const pattern = {
    type: 'pattern.observed',
    pattern_id: 'pat-17',
    pattern_type: 'retry_loop',
    name: 'Search asked twice',
  };
  return [
    { ...pattern, agent_id: 'researcher', confidence: 0.86, evidence: ['run-81'], ts: nowMs - 5_000 },
    { ...pattern, agent_id: 'reviewer', effectiveness: 0.4, evidence: ['run-90', 'run-84'], ts: nowMs - 4_000 },
    { type: 'pattern.feedback', agent_id: 'reviewer', pattern_id: 'pat-17', feedback_score: 2 },
  ];
}

function others(nowMs: number): Readonly<Record<string, unknown>>[] {
  const end = { type: 'task.completed', duration_ms: 410, llm_calls: 2, tokens_in: 900, tokens_out: 150 };
  const deal = { agent_id: 'researcher', run_id: 'run-3', engagement_id: 'deal-7', user_id: 'user-7' };
  return [
    { ...end, agent_id: 'billing-bot', agent_name: 'Billing bot', task_id: 'bill-1' },
    { ...end, agent_id: 'agent-3', task_id: 'three', ts: nowMs - dayMs },
    { ...end, agent_id: 'agent-7', task_id: 'seven', ts: nowMs - dayMs },
    { ...deal, type: 'run.started', flow_id: 'weekly-report', name: 'weekly report', ts: nowMs - 20_000 },
    { ...deal, ...end, task_id: 'deal-task' },
    {
      ...deal,
      type: 'task.failed',
      task_id: 'deal-task-2',
      error_category: 'tool',
      error_message: 'no answer from "host-1"',
    },
    { ...deal, type: 'run.completed', duration_ms: 10_000 },
    { type: 'run.completed', agent_id: 'researcher', run_id: 'run-41', duration_ms: 5_000 },
  ];
}
