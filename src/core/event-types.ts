/**
 * The closed vocabularies of an event. The numbers are the Enum8 values on disk and in ClickHouse:
 * they are never reused or renumbered; a new value takes the next free number of its group.
 */
export const eventTypes = {
  'run.started': 1,
  'run.completed': 2,
  'run.failed': 3,
  'run.cancelled': 4,
  'task.pending': 10,
  'task.running': 11,
  'task.completed': 12,
  'task.failed': 13,
  'task.cancelled': 14,
  'step.started': 20,
  'step.completed': 21,
  'step.failed': 22,
  'memory.stored': 30,
  'memory.recalled': 31,
  'pattern.observed': 40,
  'pattern.feedback': 41,
  log: 50,
  heartbeat: 51,
} as const;

export type EventType = keyof typeof eventTypes;

/** Types that end a run, task or step. Only these carry usage into the rollups. */
export const terminalTypes = [
  'run.completed',
  'run.failed',
  'run.cancelled',
  'task.completed',
  'task.failed',
  'task.cancelled',
  'step.completed',
  'step.failed',
] as const satisfies readonly EventType[];

/** By number of the type, whether it is one of `terminalTypes`. */
export const isTerminalType: readonly boolean[] = Array.from({ length: 128 }, (_, code) =>
  terminalTypes.some((type) => eventTypes[type] === code),
);

/** An execution is a task that ended; success rate, durations and totals are over these. */
export const executionTypes = [
  'task.completed',
  'task.failed',
  'task.cancelled',
] as const satisfies readonly EventType[];

export const stepKinds = { '': 0, llm: 1, tool: 2, retrieval: 3, plan: 4, memory: 5, handoff: 6, other: 7 } as const;

/** `own` is the usage of this event alone; `rolled_up` includes children and is never summed. */
export const usageScopes = { own: 0, rolled_up: 1 } as const;

/** Where a cost is from: the event reported it, or it was priced from the tokens. */
export const costSources = { '': 0, reported: 1, priced: 2 } as const;

export const errorCategories = {
  '': 0,
  tool: 1,
  model: 2,
  retrieval: 3,
  orchestration: 4,
  infra: 5,
  guardrail: 6,
  user: 7,
} as const;

export type ErrorCategory = Exclude<keyof typeof errorCategories, ''>;

export const logLevels = { '': 0, trace: 1, debug: 2, info: 3, warn: 4, error: 5, fatal: 6 } as const;

/** How an execution ended. */
export type ExecutionStatus = 'completed' | 'failed' | 'cancelled';

/**
 * Keys that would carry prompts or responses. An event with one of them inside `inputs`, `outputs` or
 * `labels` is refused, unless its tenant has opted in to content. Compared in lower case.
 */
export const contentKeys: readonly string[] = [
  'prompt',
  'prompts',
  'system_prompt',
  'messages',
  'completion',
  'completions',
  'response',
  'responses',
  'content',
];

/** Fields a type cannot do without, beside `type` and `agent_id`. */
export function fieldsRequiredBy(type: EventType): readonly string[] {
  const subject = type.slice(0, type.indexOf('.'));
  const required = requiredBySubject[subject] ?? [];
  return type.endsWith('.failed') ? [...required, 'error_category'] : required;
}

const requiredBySubject: Readonly<Record<string, readonly string[]>> = {
  run: ['run_id'],
  task: ['task_id'],
  step: ['step_id'],
  pattern: ['pattern_id'],
};
