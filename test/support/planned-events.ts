import type { Random } from '../../src/core/clock.js';
import { randomInteger } from './seeded-random.js';
import type { PlannedFrame } from './stream-producer.js';

export interface PlanOptions {
  readonly producer: string;
  readonly eventsPerFrame: number;
  /** Share of events that must be rejected. */
  readonly badRatio: number;
}

const badEvents: readonly ((event: Record<string, unknown>) => Record<string, unknown>)[] = [
  ({ agent_id: _dropped, ...event }) => event,
  (event) => ({ ...event, type: 'task.exploded' }),
  (event) => ({ ...event, duration_ms: -1 }),
  (event) => ({ ...event, tokens_in: 'many' }),
  (event) => ({ ...event, confidence: 1.5 }),
  (event) => ({ ...event, inputs: { prompt: 'who are you' } }),
  (event) => ({ ...event, started_at: 1_700_000_000_000, ended_at: 1_600_000_000_000 }),
  (event) => ({ ...event, name: 'x'.repeat(300) }),
];

/** A producer's frames, made when asked for; events are named by their place, so that a lost or doubled one shows. */
export class EventPlan {
  readonly frames: PlannedFrame[] = [];
  /** Valid events, bad ones, and executions (terminal task events) among the valid. */
  good = 0;
  bad = 0;
  executions = 0;
  readonly #random: Random;
  readonly #options: PlanOptions;

  constructor(random: Random, options: PlanOptions) {
    this.#random = random;
    this.#options = options;
  }

  frame(seq: number): PlannedFrame {
    while (this.frames.length < seq) this.frames.push(this.#next(this.frames.length + 1));
    return this.frames[seq - 1]!;
  }

  #next(seq: number): PlannedFrame {
    const { producer, eventsPerFrame, badRatio } = this.#options;
    const events: object[] = [];
    const goodBefore = this.good;
    for (let index = 0; index < eventsPerFrame; index++) {
      const event = taskEvent(this.#random, `${producer}-${seq}-${index}`);
      if (this.#random() < badRatio) {
        events.push(badEvents[randomInteger(this.#random, { min: 0, max: badEvents.length - 1 })]!(event));
        this.bad += 1;
        continue;
      }
      events.push(event);
      this.good += 1;
      if (event.type !== 'step.completed') this.executions += 1;
    }
    return { seq, events, good: this.good - goodBefore };
  }
}

function taskEvent(random: Random, id: string): Record<string, unknown> {
  const type = ['task.completed', 'task.completed', 'task.failed', 'step.completed'][
    randomInteger(random, { min: 0, max: 3 })
  ];
  return {
    type,
    agent_id: `agent-${randomInteger(random, { min: 0, max: 19 })}`,
    run_id: `run-${randomInteger(random, { min: 0, max: 999 })}`,
    task_id: id,
    ...(type === 'step.completed' ? { step_id: `${id}-s`, step_kind: 'tool' } : {}),
    name: 'search',
    duration_ms: Math.exp(6 + 2 * random()),
    tokens_in: randomInteger(random, { min: 1, max: 5_000 }),
    tokens_out: randomInteger(random, { min: 1, max: 900 }),
    cost_micros: randomInteger(random, { min: 1, max: 9_000 }),
    ...(type === 'task.failed'
      ? { error_category: 'tool', error_code: 'timeout', error_message: 'no answer after 30 s' }
      : {}),
  };
}
