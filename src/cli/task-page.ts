import type { Answer } from './frame/api-client.js';
import type { Output } from './frame/output.js';
import { statusStyle } from './frame/status-style.js';
import { printPairs, printTable } from './frame/table.js';
import { cost, count, duration, entries, localTime, word, zonedTime } from './frame/told-values.js';

type Task = Answer<'/api/v1/monitoring/tasks/{task_id}'>;

/** A task in full, for a person. */
export function printTask({ out, err }: { readonly out: Output; readonly err: Output }, task: Task): void {
  printPairs(out, [
    ['task', task.task_id],
    ['name', word(task.name)],
    ['status', task.state],
    ['agent', task.agent_name === null ? task.agent_id : `${task.agent_id} (${task.agent_name})`],
    ['run', word(task.run_id)],
    ['model', word(task.model)],
    ['started', zonedTime(task.started_at)],
    ['ended', zonedTime(task.ended_at)],
    ['took', duration(task.duration_ms)],
    ['tokens', `${count(task.tokens.in)} in, ${count(task.tokens.out)} out`],
    ['cost', cost(task.cost_cents)],
    ['inputs', entries(task.inputs)],
    ['outputs', entries(task.outputs)],
    ...(task.error_category === null
      ? []
      : ([['error', `${task.error_category} ${word(task.error_code)}: ${word(task.error_message)}`]] as const)),
  ]);
  printAttempts(out, task);
  printSteps(out, task);
  if (task.steps_expired) err.line('its steps are past the retention of raw events');
  if (task.steps_truncated || task.attempts_truncated) err.line('there are more; the timeline of its run has all');
  for (const other of task.others) {
    const run = other.run_id === null ? '' : ` --run ${other.run_id}`;
    err.line(`another of that id: tidemark task ${task.task_id}${run} --agent ${other.agent_id}`);
  }
}

function printAttempts(out: Output, { attempts }: Task): void {
  if (attempts.length < 2) return;
  out.line(`\n${out.paint('bold', 'attempts')}`);
  printTable(
    out,
    [
      { title: 'attempt', align: 'right', text: (row) => count(row.attempt) },
      { title: 'status', text: (row) => row.status, style: (row) => statusStyle(row.status) },
      { title: 'started', text: (row) => localTime(row.started_at) },
      { title: 'took', align: 'right', text: (row) => duration(row.duration_ms) },
      { title: 'tokens', align: 'right', rank: 2, text: (row) => count(row.tokens.total) },
      { title: 'cost', align: 'right', rank: 1, text: (row) => cost(row.cost_cents) },
      { title: 'error', columnsMin: 8, text: (row) => row.error_message ?? '' },
    ],
    attempts,
  );
}

function printSteps(out: Output, { steps }: Task): void {
  if (steps.length === 0) return;
  out.line(`\n${out.paint('bold', 'steps')}`);
  printTable(
    out,
    [
      { title: 'step', columnsMin: 20, text: (row) => row.step_id },
      { title: 'name', columnsMin: 8, text: (row) => word(row.name) },
      { title: 'kind', rank: 3, text: (row) => word(row.kind) },
      { title: 'attempt', align: 'right', text: (row) => count(row.attempt) },
      { title: 'status', text: (row) => row.status, style: (row) => statusStyle(row.status) },
      { title: 'took', align: 'right', text: (row) => duration(row.duration_ms) },
      { title: 'model', rank: 4, columnsMin: 8, text: (row) => word(row.model) },
      { title: 'tokens', align: 'right', rank: 2, text: (row) => count(row.tokens.total) },
      { title: 'cost', align: 'right', rank: 1, text: (row) => cost(row.cost_cents) },
      { title: 'error', rank: 5, columnsMin: 16, text: (row) => row.error_message ?? '' },
    ],
    steps,
  );
}
