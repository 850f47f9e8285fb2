import type { Random } from '../../src/core/clock.js';
import { randomInteger } from './seeded-random.js';
import type { WireEvent } from './sent-history.js';

export interface HistorySize {
  readonly runs: number;
  /** No event is later, ms since the epoch. */
  readonly endMs: number;
  readonly spanMs: number;
}

type Fields = Readonly<Record<string, unknown>>;

const patternsMax = 4;
const agents = ['planner', 'writer', 'critic'];
const categories = ['tool', 'model', 'retrieval', 'orchestration', 'infra', 'guardrail', 'user'];
const kinds = ['llm', 'tool', 'retrieval', 'plan', 'memory', 'handoff', 'other'];
const levels = ['trace', 'debug', 'info', 'warn', 'error', 'fatal'];

/**
 * The events of a tenant, in the order in which they happened, as agents with faults tell of them: starts that are
 * lost, ends whose clock is before that of their start, steps, tasks and runs that never end, attempts that fail and
 * recover or fail again. The same ids come up in each plan. No two events have one `ts`:
 * which of two states of the same instant is the later one is not told by anything.
 */
export class PlannedHistory {
  readonly events: WireEvent[] = [];
  readonly runIds: string[] = [];
  readonly taskIds: string[] = [];
  readonly patternIds: string[] = [];
  readonly #random: Random;
  readonly #size: HistorySize;
  readonly #taken = new Set<number>();
  #nowMs = 0;

  constructor(random: Random, size: HistorySize) {
    this.#random = random;
    this.#size = size;
    for (let run = 0; run < size.runs; run++) this.#addRun(`run-${run}`);
    for (let at = 0; at < size.runs; at++) this.#addPattern(`pattern-${at % patternsMax}`);
    this.events.sort((a, b) => Number(a.ts) - Number(b.ts));
  }

  #addRun(runId: string): void {
    this.runIds.push(runId);
    this.#nowMs = this.#size.endMs - this.#between(3_600_000, this.#size.spanMs);
    const startMs = this.#nowMs;
    const scope = {
      run_id: runId,
      agent_id: this.#pick(agents),
      crew_id: this.#pick(['crew-a', 'crew-b']),
      flow_id: this.#pick(['flow-a', 'flow-b']),
      engagement_id: this.#pick(['engagement-a', 'engagement-b']),
      user_id: this.#pick(['user-a', 'user-b', 'user-c']),
      session_id: this.#pick(['session-a', 'session-b']),
    };
    if (this.#chance(0.8)) this.#add('run.started', { ...scope, name: 'night run', inputs: { depth: 3 } });
    const tasks = this.#between(0, 5);
    for (let task = 0; task < tasks; task++) this.#addTask({ ...scope, task_id: `${runId}-task-${task}` });
    // One task at least never ends, whatever is drawn.
    if (this.runIds.length === 1) this.#add('task.running', { ...scope, task_id: 'task-without-end' });
    if (this.#chance(0.3)) this.#add('heartbeat', { run_id: runId, agent_id: scope.agent_id });
    if (this.#chance(0.15)) return;
    const type = this.#pick(['run.completed', 'run.completed', 'run.failed', 'run.cancelled']);
    const usage_scope = this.#pick(['own', 'rolled_up']);
    this.#add(type, { ...scope, name: 'night run', ...this.#ended(type, startMs), usage_scope });
  }

  #addTask(scope: Fields & { readonly task_id: string }): void {
    this.taskIds.push(scope.task_id);
    const task = {
      ...scope,
      agent_id: this.#pick(agents),
      parent_id: scope.run_id,
      name: this.#pick(['plan', 'answer']),
    };
    if (this.#chance(0.4)) this.#add('task.pending', { ...task, inputs: { topic: 'tides' } });
    for (let attempt = 1; attempt <= 3; attempt++) {
      const startMs = this.#nowMs;
      // Of two ends of one attempt the one that comes first counts, so retries are numbered here.
      const number = attempt > 1 || this.#chance(0.8) ? { attempt } : {};
      if (this.#chance(0.8)) this.#add('task.running', { ...task, ...number, inputs: { topic: 'tides' } });
      const steps = this.#between(0, 4);
      for (let step = 0; step < steps; step++) this.#addStep(task, `${scope.task_id}-${attempt}-step-${step}`);
      this.#addRemarks(task);
      if (this.#chance(0.1)) return;
      const type = this.#pick(['task.completed', 'task.completed', 'task.failed', 'task.failed', 'task.cancelled']);
      this.#add(type, { ...task, ...number, ...this.#ended(type, startMs), confidence: 0.5 });
      if (type !== 'task.failed' || this.#chance(0.3)) return;
    }
  }

  #addStep(task: Fields & { readonly task_id: string }, stepId: string): void {
    const parent = this.#pick([
      task.task_id,
      task.run_id,
      `${task.task_id}-1-step-0`,
      'a step of elsewhere',
      undefined,
    ]);
    const step = {
      run_id: task.run_id,
      task_id: task.task_id,
      agent_id: task.agent_id,
      step_id: stepId,
      ...(parent === undefined ? {} : { parent_id: parent }),
    };
    const told = { name: this.#pick(['large-4', 'search', 'shell']), step_kind: this.#pick(kinds) };
    for (let attempt = 1; attempt <= 3; attempt++) {
      const startMs = this.#nowMs;
      if (this.#chance(0.85))
        this.#add('step.started', { ...step, ...told, attempt, inputs: { query: `q ${attempt}` } });
      if (this.#chance(0.05)) return;
      const type = this.#pick(['step.completed', 'step.completed', 'step.failed']);
      // What a failure does not tell is known only to who heard of its start before.
      const again = type === 'step.failed' || this.#chance(0.8) ? told : {};
      this.#add(type, { ...step, ...again, attempt, ...this.#ended(type, startMs) });
      if (type !== 'step.failed' || this.#chance(0.3)) return;
    }
  }

  /** Logs, signs of life and memory, of a task. */
  #addRemarks({ run_id, task_id, agent_id }: Fields): void {
    const scope = { run_id, task_id, agent_id };
    if (this.#chance(0.5)) this.#add('log', { ...scope, level: this.#pick(levels), message: `said ${this.#nowMs}` });
    if (this.#chance(0.2)) this.#add('heartbeat', { agent_id });
    if (this.#chance(0.4)) this.#add(this.#pick(['memory.stored', 'memory.recalled']), scope);
  }

  #addPattern(patternId: string): void {
    if (!this.patternIds.includes(patternId)) this.patternIds.push(patternId);
    this.#nowMs = this.#size.endMs - this.#between(3_600_000, this.#size.spanMs);
    const pattern = { pattern_id: patternId, agent_id: this.#pick(agents) };
    this.#add('pattern.observed', {
      ...pattern,
      pattern_type: this.#pick(['habit', 'risk']),
      name: `as seen at ${this.#nowMs}`,
      confidence: this.#pick([0.25, 0.5, 0.75]),
      effectiveness: this.#pick([0.125, 0.5]),
      evidence: [this.#pick(this.runIds), this.#pick(this.runIds)],
    });
    if (this.#chance(0.5)) {
      const feedback_text = `said at ${this.#nowMs}`;
      this.#add('pattern.feedback', { ...pattern, feedback_score: this.#between(1, 5), feedback_text });
    }
  }

  /** What a terminal event tells beside its ids. */
  #ended(type: string, startMs: number): Fields {
    const times = this.#chance(0.7) ? { started_at: this.#chance(0.3) ? startMs - (startMs % 1_000) : startMs } : {};
    const error = {
      error_category: this.#pick(categories),
      error_code: this.#pick(['timeout', 'refused']),
      error_message: `no answer after ${this.#between(1, 90)} s`,
    };
    const end = this.#chance(0.7) ? { ended_at: this.#nowMs } : {};
    // Each end tells how long it took: what it does not tell is known only to who heard of its start before.
    const isTimed = 'started_at' in times && 'ended_at' in end;
    return {
      ...times,
      ...end,
      ...(!isTimed || this.#chance(0.3) ? { duration_ms: this.#between(1, 90_000) } : {}),
      llm_calls: this.#between(0, 3),
      tokens_in: this.#between(0, 5_000),
      tokens_out: this.#between(0, 900),
      cost_micros: this.#between(0, 40_000),
      outputs: { rows: this.#between(0, 99) },
      ...(type.endsWith('.failed') ? error : {}),
    };
  }

  /** Time goes on with each event; the clock of one in twenty is behind. */
  #add(type: string, fields: Fields): void {
    this.#nowMs += this.#between(5, 2_000);
    let ts = this.#nowMs - (this.#chance(0.05) ? this.#between(1, 10_000) : 0);
    while (this.#taken.has(ts)) ts += 1;
    this.#taken.add(ts);
    const present = Object.entries(fields).filter(([, value]) => value !== undefined);
    this.events.push({
      event_id: `event-${this.events.length}`,
      type,
      agent_id: 'planner',
      ts,
      ...Object.fromEntries(present),
    });
  }

  #chance(share: number): boolean {
    return this.#random() < share;
  }

  #between(min: number, max: number): number {
    return randomInteger(this.#random, { min, max });
  }

  #pick<Value>(values: readonly Value[]): Value {
    return values[this.#between(0, values.length - 1)]!;
  }
}
