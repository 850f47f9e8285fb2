import { seededRandom } from './seeded-random.js';

/** An event as it is sent. */
export interface UiEvent {
  readonly type: string;
  readonly agent_id: string;
  readonly ts: number;
  readonly run_id?: string;
  readonly task_id?: string;
  readonly [field: string]: unknown;
}

/** Text of a stranger at its worst: markup, quotes, marks of direction, signs of more than one code unit. */
export const hostileText = '<img src=x onerror="alert(1)">\'&amp; \u202Eevil\u202C 漢字 👩‍🚀';
export const longId = 'r'.repeat(256);
export const bigRun = { run_id: 'run-big', tasks: 10, stepsPerTask: 1_000 } as const;
export const liveRuns = ['live-0', 'live-1', 'live-2'] as const;

const uiAgents = [
  { agent_id: 'scout', agent_name: 'Scout', failureRatio: 0.02 },
  { agent_id: 'writer', agent_name: 'Writer', failureRatio: 0.05 },
  { agent_id: 'planner', agent_name: 'Planner', failureRatio: 0.08 },
  { agent_id: 'coder', agent_name: 'Coder', failureRatio: 0.15 },
  { agent_id: 'reviewer', agent_name: 'Reviewer', failureRatio: 0.03 },
  { agent_id: 'ops-bot', agent_name: 'Ops bot', failureRatio: 0.3 },
] as const;

const tools = ['search_web', 'read_file', 'run_sql', 'send_mail'] as const;
const models = [
  { model: 'model-large', provider: 'north' },
  { model: 'model-small', provider: 'north' },
  { model: 'open-70b', provider: 'own' },
] as const;
const errors = [
  { error_category: 'tool', error_code: 'timeout', error_message: 'search_web did not answer within 30 s' },
  { error_category: 'model', error_code: 'rate_limited', error_message: '429 from the provider: again in 20 s' },
  { error_category: 'infra', error_code: 'oom', error_message: 'container killed: out of memory' },
  { error_category: 'guardrail', error_code: 'pii', error_message: 'output held back: it names a person' },
  { error_category: 'user', error_code: 'bad_input', error_message: 'no such customer' },
] as const;

const dayMs = 86_400_000;
const runsOfHistory = 600;

/**
 * Six days of six agents up to `nowMs`, the same for the same seed: runs with tasks and step attempts, failures that
 * were recovered and failures for good, logs, memory, patterns; besides them a run of hostile text, one with ids as
 * long as they get, one of 10,000 steps, and three that are under way.
 */
export function uiHistory(nowMs: number): readonly UiEvent[] {
  const events: UiEvent[] = [];
  const random = new Chance(seededRandom(7));
  for (let index = 0; index < runsOfHistory; index++) addRun({ events, random, nowMs }, index);
  addOddRuns(events, nowMs);
  addBigRun({ events, random, nowMs });
  addLiveRuns(events, nowMs);
  return events;
}

interface Making {
  readonly events: UiEvent[];
  readonly random: Chance;
  readonly nowMs: number;
}

function addRun(making: Making, index: number): void {
  const { events, random, nowMs } = making;
  const { failureRatio, ...agent } = random.pick(uiAgents);
  const startMs = nowMs - 6 * dayMs * (1 - index / runsOfHistory) - 900_000;
  const run_id = `run-${String(index).padStart(4, '0')}`;
  const base = {
    ...agent,
    run_id,
    agent_version: index < 400 ? '1.4.0' : '1.5.0',
    flow_id: random.pick(['nightly', 'support', 'research']),
    crew_id: random.pick(['alpha', 'beta']),
    user_id: random.pick(['ann', 'bob', 'cy']),
    session_id: `session-${index % 40}`,
    environment: random.pick(['production', 'production', 'staging']),
  };
  const name = random.pick(['answer ticket', 'weekly report', 'triage', 'deep research']);
  events.push({ ...base, type: 'run.started', ts: startMs, name, inputs: { ticket: 1_000 + index } });
  let atMs = startMs + 50;
  let failed = false;
  const tasks = random.integer(1, 3);
  for (let number = 0; number < tasks && !failed; number++) {
    const task = { ...base, task_id: `${run_id}-t${number}` };
    const endMs = addTask(making, { task, startMs: atMs, failureRatio });
    failed = endMs < 0;
    atMs = Math.abs(endMs);
  }
  const end = { ...base, ts: atMs, duration_ms: atMs - startMs };
  if (failed) events.push({ ...end, type: 'run.failed', ...random.pick(errors) });
  else if (random.chance(0.03)) events.push({ ...end, type: 'run.cancelled' });
  else events.push({ ...end, type: 'run.completed', outputs: { answer: 'done' } });
  if (random.chance(0.1)) addPattern(making, base, atMs);
}

/** When it ended; negative when it failed. */
function addTask(
  { events, random }: Making,
  of: { readonly task: Omit<UiEvent, 'type' | 'ts'>; readonly startMs: number; readonly failureRatio: number },
): number {
  const task = of.task as Omit<UiEvent, 'type' | 'ts'> & { readonly agent_id: string };
  const name = random.pick(['collect', 'draft', 'check', 'publish']);
  events.push({ ...task, type: 'task.running', ts: of.startMs, name, inputs: { part: name } });
  let atMs = of.startMs;
  const steps = random.integer(2, 5);
  for (let number = 0; number < steps; number++) {
    const isModel = random.chance(0.5);
    const step = {
      ...task,
      step_id: `s${number}`,
      step_kind: isModel ? 'llm' : 'tool',
      name: isModel ? 'chat' : random.pick(tools),
      ...(isModel ? random.pick(models) : {}),
    };
    for (let attempt = 1; ; attempt++) {
      const duration_ms = Math.round((isModel ? 900 : 250) * (0.4 + 2.2 * random.next()));
      const ended = {
        ...step,
        attempt,
        ts: atMs + duration_ms,
        duration_ms,
        ...(isModel ? usageOf(random, step) : {}),
      };
      events.push({ ...step, attempt, type: 'step.started', ts: atMs });
      atMs += duration_ms + 20;
      if (!random.chance(of.failureRatio)) {
        events.push({ ...ended, type: 'step.completed', ...(isModel ? { finish_reason: 'stop' } : {}) });
        break;
      }
      const failure = random.pick(errors);
      events.push({ ...ended, type: 'step.failed', ...failure });
      if (attempt < 3) continue;
      events.push({ ...task, type: 'task.failed', ts: atMs, duration_ms: atMs - of.startMs, ...failure });
      return -atMs;
    }
  }
  if (random.chance(0.2)) {
    const level = random.pick(['info', 'warn', 'error']);
    events.push({ ...task, type: 'log', ts: atMs - 1, level, message: `looked at ${steps} steps` });
  }
  if (random.chance(0.2)) {
    events.push({ ...task, type: random.pick(['memory.stored', 'memory.recalled']), ts: atMs });
  }
  const quality = { confidence: 0.6 + 0.4 * random.next(), memory_mb: 120 + 300 * random.next() };
  const ended = { ts: atMs, duration_ms: atMs - of.startMs, outputs: { result: 'stored' } };
  events.push({ ...task, type: 'task.completed', ...ended, ...quality });
  return atMs;
}

/** What runs on machines of one's own has no price. */
function usageOf(random: Chance, step: object) {
  const cost = { cost_micros: random.integer(2_000, 30_000), cost_source: 'reported' };
  return {
    llm_calls: 1,
    tokens_in: random.integer(400, 3_400),
    tokens_out: random.integer(80, 780),
    ...('provider' in step && step.provider === 'own' ? {} : cost),
  };
}

function addPattern(
  { events, random }: Making,
  base: { readonly agent_id: string; readonly run_id: string },
  ts: number,
) {
  const pattern = random.pick(['retry', 'loop', 'cache']);
  events.push({
    ...base,
    type: 'pattern.observed',
    ts,
    pattern_id: `pattern-${pattern}`,
    pattern_type: pattern,
    name: `a ${pattern} seen again`,
    confidence: 0.5 + random.next() / 2,
    effectiveness: random.next(),
    evidence: [base.run_id],
  });
}

function addOddRuns(events: UiEvent[], nowMs: number): void {
  const odd = { agent_id: hostileText, agent_name: hostileText, run_id: hostileText, user_id: hostileText };
  const failure = {
    error_category: 'tool',
    error_code: '<b>code</b>',
    error_message: `${hostileText} ${'x'.repeat(200)}`,
  };
  events.push(
    { ...odd, type: 'run.started', name: hostileText, ts: nowMs - 600_000 },
    { ...odd, type: 'task.running', task_id: hostileText, name: hostileText, ts: nowMs - 599_000 },
    {
      ...odd,
      type: 'step.failed',
      task_id: hostileText,
      step_id: hostileText,
      name: hostileText,
      ts: nowMs - 590_000,
      duration_ms: 3_000,
      step_kind: 'tool',
      ...failure,
    },
    { ...odd, type: 'task.failed', task_id: hostileText, ts: nowMs - 589_000, duration_ms: 10_000, ...failure },
    { ...odd, type: 'run.failed', ts: nowMs - 580_000, duration_ms: 20_000, ...failure },
    { type: 'run.completed', agent_id: 'a'.repeat(256), run_id: longId, ts: nowMs - 570_000, duration_ms: 20_000 },
  );
}

function addBigRun({ events, random, nowMs }: Making): void {
  const base = { agent_id: 'coder', agent_name: 'Coder', run_id: bigRun.run_id };
  let atMs = nowMs - 7_200_000;
  events.push({ ...base, type: 'run.started', name: 'ten thousand steps', ts: atMs });
  for (let number = 0; number < bigRun.tasks; number++) {
    const task = { ...base, task_id: `big-${number}` };
    events.push({ ...task, type: 'task.running', name: `part ${number}`, ts: atMs });
    for (let at = 0; at < bigRun.stepsPerTask; at++) {
      const duration_ms = random.integer(50, 250);
      const step = { ...task, step_id: `s${at}`, name: random.pick(tools), step_kind: 'tool', duration_ms };
      const below = at > 0 && at % 3 === 0 ? { parent_id: `s${at - 1}` } : {};
      const ts = atMs + duration_ms;
      if (random.chance(0.002)) events.push({ ...step, ...below, type: 'step.failed', ts, ...errors[0] });
      else events.push({ ...step, ...below, type: 'step.completed', ts });
      atMs += Math.floor(0.7 * duration_ms);
    }
    events.push({ ...task, type: 'task.completed', ts: atMs });
  }
  events.push({ ...base, type: 'run.completed', ts: atMs });
}

function addLiveRuns(events: UiEvent[], nowMs: number): void {
  for (const [index, run_id] of liveRuns.entries()) {
    const { agent_id, agent_name } = uiAgents[index]!;
    const base = { agent_id, agent_name, run_id };
    const task = { ...base, task_id: `${run_id}-task` };
    events.push(
      { ...base, type: 'run.started', name: 'under way', ts: nowMs - 30_000 },
      { ...task, type: 'task.running', name: 'thinking', ts: nowMs - 29_000 },
      { ...task, type: 'step.started', step_id: 's', name: 'chat', step_kind: 'llm', ts: nowMs - 20_000 },
    );
  }
}

class Chance {
  readonly #random: () => number;

  constructor(random: () => number) {
    this.#random = random;
  }

  next(): number {
    return this.#random();
  }

  chance(ratio: number): boolean {
    return this.next() < ratio;
  }

  integer(min: number, max: number): number {
    return min + Math.floor(this.next() * (max - min + 1));
  }

  pick<Item>(items: readonly Item[]): Item {
    return items[Math.floor(this.next() * items.length)]!;
  }
}
