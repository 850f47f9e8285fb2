import type { Random } from '../../src/core/clock.js';
import { randomInteger } from './seeded-random.js';

type Event = Readonly<Record<string, unknown>>;

/** How people write their events. */
export type Style =
  /** Every event repeats all that is known. */
  | 'told'
  /** The start tells the context, the end only how it came out; no times but those of the events themselves. */
  | 'bare'
  /** The same, and what follows the start of a task leaves out its run. */
  | 'runless'
  /** The same as bare, and ends have no id and are sent again. */
  | 'resent';

const agents = ['planner', 'writer', 'critic'];
const categories = ['tool', 'model', 'retrieval', 'infra'];

interface Told {
  readonly event: Event;
  /** Context: only the first event of its work tells it, but where all is told. */
  readonly context: Event;
  /** Times that follow from the events themselves. */
  readonly times: Event;
  /** An event of a task behind its first. */
  readonly isWithinTask: boolean;
  readonly isFirst: boolean;
}

/**
 * Runs with tasks, steps, logs and memory of which each has a start and, mostly, an end, as one list of events a style.
 * No two events have one time.
 */
export class ToldHistory {
  readonly runIds: string[] = [];
  readonly taskIds: string[] = [];
  readonly patternIds: string[] = [];
  /** Everything told, in the order of time. */
  readonly events: Event[];
  readonly #random: Random;
  readonly #told: Told[] = [];
  #nowMs = 0;

  constructor(random: Random, { runs, endMs, spanMs }: { runs: number; endMs: number; spanMs: number }) {
    this.#random = random;
    for (let run = 0; run < runs; run++) this.#addRun(`run-${run}`, endMs - this.#between(900_000, spanMs));
    this.#told.sort((a, b) => Number(a.event.ts) - Number(b.event.ts));
    for (let at = 1; at < this.#told.length; at++) {
      const before = this.#told[at - 1]!;
      if (Number(this.#told[at]!.event.ts) <= Number(before.event.ts)) throw new Error('two events have one time');
    }
    this.events = this.in('told');
  }

  in(style: Style): Event[] {
    return this.#told.flatMap(({ event, context, times, isWithinTask, isFirst }, at): Event[] => {
      const id = { event_id: `event-${at}` };
      if (style === 'told') return [{ ...id, ...context, ...event, ...times }];
      const said = isFirst ? { ...context, ...event } : event;
      const { run_id: run, ...withoutRun } = said as Event & { readonly run_id?: string };
      if (style === 'runless' && isWithinTask && run !== undefined) return [{ ...id, ...withoutRun }];
      const isEnd = /\.(completed|failed|cancelled)$/.test(String(event.type));
      return style === 'resent' && isEnd ? [said, said] : [{ ...id, ...said }];
    });
  }

  #addRun(runId: string, startMs: number): void {
    this.runIds.push(runId);
    this.#nowMs = startMs;
    const scope = { run_id: runId, agent_id: this.#pick(agents) };
    const context = {
      name: this.#pick(['night run', 'day run']),
      agent_version: this.#pick(['1.0', '1.1']),
      ...this.#context(),
      inputs: { depth: this.#between(1, 9) },
      labels: { team: this.#pick(['red', 'blue']) },
    };
    const beganMs = this.#first('run.started', scope, context);
    for (let task = this.#between(0, 4); task > 0; task--) this.#addTask(scope, `${runId}-task-${task}`);
    if (this.#chance(0.15)) return;
    const type = this.#pick(['run.completed', 'run.completed', 'run.failed', 'run.cancelled']);
    this.#end(type, scope, context, { beganMs, isWithinTask: false });
  }

  #addTask(run: Event, taskId: string): void {
    this.taskIds.push(taskId);
    const scope = { ...run, agent_id: this.#pick(agents), task_id: taskId };
    const context = {
      name: this.#pick(['plan', 'answer']),
      parent_id: run.run_id,
      ...this.#context(),
      inputs: { topic: 'tides', depth: this.#between(1, 9) },
    };
    const attempts = this.#between(1, 2);
    for (let attempt = 1; attempt <= attempts; attempt++) {
      const tried = { ...scope, attempt };
      const beganMs = this.#first('task.running', tried, attempt === 1 ? context : { name: context.name }, attempt > 1);
      for (let step = this.#between(0, 3); step > 0; step--) this.#addStep(tried, `${taskId}-${attempt}-step-${step}`);
      if (this.#chance(0.5)) {
        this.#add({ ...scope, type: 'log', level: 'info', message: `said ${this.#nowMs}` }, { isWithinTask: true });
      }
      if (this.#chance(0.3)) this.#add({ ...scope, type: 'memory.stored' }, { isWithinTask: true });
      if (this.#chance(0.1)) return;
      const last = attempt === attempts;
      const type = last
        ? this.#pick(['task.completed', 'task.completed', 'task.failed', 'task.cancelled'])
        : 'task.failed';
      this.#end(type, tried, context, { beganMs, isWithinTask: true });
    }
  }

  #addStep({ attempt: _of, ...task }: Event, stepId: string): void {
    const scope = { ...task, step_id: stepId, attempt: 1 };
    const context = {
      name: this.#pick(['large-4', 'search']),
      step_kind: this.#pick(['llm', 'tool']),
      inputs: { q: stepId },
    };
    const beganMs = this.#first('step.started', scope, context, true);
    if (this.#chance(0.05)) return;
    this.#end(this.#pick(['step.completed', 'step.failed']), scope, context, { beganMs, isWithinTask: true });
  }

  #context(): Event {
    return {
      crew_id: this.#pick(['crew-a', 'crew-b']),
      flow_id: this.#pick(['flow-a', 'flow-b']),
      engagement_id: this.#pick(['engagement-a', 'engagement-b']),
      user_id: this.#pick(['user-a', 'user-b', 'user-c']),
      session_id: this.#pick(['session-a', 'session-b']),
    };
  }

  #first(type: string, scope: Event, context: Event, isWithinTask = false): number {
    return this.#add({ ...scope, type }, { context, isFirst: true, isWithinTask });
  }

  #end(
    type: string,
    scope: Event,
    context: Event,
    { beganMs, isWithinTask }: { readonly beganMs: number; readonly isWithinTask: boolean },
  ): void {
    const outcome = {
      llm_calls: this.#between(1, 3),
      tokens_in: this.#between(1, 5_000),
      tokens_out: this.#between(1, 900),
      ...(this.#chance(0.8) ? { cost_micros: this.#between(1, 40_000) } : {}),
      outputs: { rows: this.#between(0, 99) },
      ...(type.endsWith('.failed')
        ? { error_category: this.#pick(categories), error_code: 'timeout', error_message: 'no answer after 30 s' }
        : {}),
    };
    const endedMs = this.#nowMs + this.#between(5, 900);
    this.#nowMs = endedMs;
    const times = { started_at: beganMs, ended_at: endedMs, duration_ms: endedMs - beganMs };
    this.#push({ ...scope, ...outcome, type, ts: endedMs }, { context, times, isWithinTask });
  }

  #add(event: Event, more: Partial<Omit<Told, 'event'>> = {}): number {
    this.#nowMs += this.#between(5, 900);
    this.#push({ ...event, ts: this.#nowMs }, more);
    return this.#nowMs;
  }

  #push(event: Event, more: Partial<Omit<Told, 'event'>>): void {
    this.#told.push({ event, context: {}, times: {}, isWithinTask: false, isFirst: false, ...more });
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
