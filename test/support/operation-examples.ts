import { digestKey } from '../../src/ingest/key-file.js';
import type { ApiCallable } from './api-document.js';

/**
 * What the test of the API description asks with. An operation needs a line here only when it has a path parameter, a
 * required query parameter or a body that nothing below answers for.
 */
interface OperationExample {
  readonly params?: Readonly<Record<string, string>>;
  readonly query?: Readonly<Record<string, string>>;
  readonly body?: unknown;
}

const yesterday = new Date(Date.now() - 86_400_000).toISOString().slice(0, 10);

/** By the name of a path parameter or required query parameter, for every operation. */
const values: Readonly<Record<string, string>> = {
  agent_id: 'api-agent',
  run_id: 'api-run',
  task_id: 'api-task',
  pattern_id: 'api-pattern',
  user_id: 'api-user',
  engagement_id: 'api-engagement',
  day: yesterday,
  snapshot_id: '0123456789abcdef',
  name: digestKey('tdm_key_that_is_changed').toString('hex').slice(0, 8),
};

/** A stored key of the tenant that nobody asks with. */
export const doomedKey = 'tdm_key_that_is_taken_back';

/** A stored key of the tenant whose limits and secret are changed; nobody asks with it either. */
export const changedKey = 'tdm_key_that_is_changed';

/** What is erased is nothing that others ask for. */
const doomed: Readonly<Record<string, string>> = {
  run_id: 'api-doomed-run',
  user_id: 'api-doomed-user',
  name: digestKey(doomedKey).toString('hex').slice(0, 8),
};

/** By operation id. */
const examples: Readonly<Record<string, OperationExample>> = {};

export interface PreparedCall {
  readonly target: string;
  readonly body: string | null;
}

/**
 * The path, query and body of a call, `query` and `path` in place of the examples. Throws for an operation that nothing
 * here answers for.
 */
export function preparedCall(
  operation: ApiCallable,
  query: Readonly<Record<string, string>> = {},
  path: Readonly<Record<string, string>> = {},
): PreparedCall {
  const { query: exampleQuery = {}, body, ...example } = examples[operation.operationId] ?? {};
  const params: Readonly<Record<string, string>> = { ...example.params, ...path };
  const valueFor = (name: string): string => {
    const erased = operation.method === 'delete' ? doomed[name] : undefined;
    const value = params[name] ?? exampleQuery[name] ?? erased ?? values[name];
    if (value === undefined) throw new Error(missing(operation, `a value of ${name}`));
    return value;
  };
  const place = operation.path.replaceAll(/\{(\w+)\}/g, (_, name: string) => encodeURIComponent(valueFor(name)));
  const required = (operation.parameters ?? []).filter((parameter) => parameter.in === 'query' && parameter.required);
  const asked = new URLSearchParams({
    ...Object.fromEntries(required.map(({ name }) => [name, valueFor(name)])),
    ...exampleQuery,
    ...query,
  });
  const target = asked.size === 0 ? place : `${place}?${asked}`;
  if (operation.requestBody === undefined) return { target, body: null };
  const shown = body ?? operation.requestBody.content['application/json']?.example;
  if (shown === undefined) throw new Error(missing(operation, 'a body, there or as the example of its operation'));
  return { target, body: JSON.stringify(shown) };
}

function missing({ name, operationId }: ApiCallable, what: string): string {
  return `${name} (${operationId}) has no example call: test/support/operation-examples.ts needs ${what}`;
}

const common = {
  agent_id: 'api-agent',
  run_id: 'api-run',
  user_id: 'api-user',
  crew_id: 'api-crew',
  engagement_id: 'api-engagement',
};

/** One of everything that the API tells of: a run with a task, attempts, a failure, a log, memory and a pattern. */
export function exampleEvents(nowMs: number): readonly Readonly<Record<string, unknown>>[] {
  const step = { ...common, task_id: 'api-task', step_id: 'api-step', name: 'search', step_kind: 'tool' };
  const span = { started_at: nowMs - 5_000, ended_at: nowMs - 1_000 };
  const usage = { llm_calls: 2, tokens_in: 900, tokens_out: 150, cost_micros: 4_200 };
  return [
    { ...common, type: 'run.started', ts: nowMs - 6_000, name: 'nightly' },
    { ...common, type: 'task.running', task_id: 'api-task', ts: nowMs - 5_000 },
    { ...step, ...span, type: 'step.failed', attempt: 1, error_category: 'tool', error_code: 'timeout' },
    { ...step, ...span, ...usage, type: 'step.completed', attempt: 2 },
    { ...common, type: 'log', task_id: 'api-task', level: 'warn', message: 'the first attempt failed' },
    { ...common, ...span, ...usage, type: 'task.completed', task_id: 'api-task', inputs: { topic: 'tides' } },
    { ...common, ...span, type: 'task.failed', task_id: 'api-task-2', error_category: 'model', error_message: 'no' },
    { ...common, ...span, type: 'run.completed', outputs: { answer: 42 } },
    { type: 'run.completed', agent_id: 'api-agent', ...doomed, ...span },
    { ...common, type: 'memory.stored', task_id: 'api-task' },
    { ...common, type: 'pattern.observed', pattern_id: 'api-pattern', pattern_type: 'habit', confidence: 0.8 },
    { ...common, type: 'pattern.feedback', pattern_id: 'api-pattern', feedback_score: 1 },
  ];
}
