import type { Random } from '../../src/core/clock.js';
import { randomInteger } from './seeded-random.js';
import type { PlannedFrame } from './stream-producer.js';

export interface Plan {
  readonly frames: PlannedFrame[];
  /** Valid events, and executions (terminal task events) among them. */
  readonly good: number;
  readonly bad: number;
  readonly executions: number;
}

export interface PlanOptions {
  readonly producer: string;
  readonly frames: number;
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

/** A producer's frames, every event named by its place in them, so that a lost or doubled one can be named. */
export function planEvents(random: Random, options: PlanOptions): Plan {
  const plan = { frames: [] as PlannedFrame[], good: 0, bad: 0, executions: 0 };
  for (let seq = 1; seq <= options.frames; seq++) {
    const events: object[] = [];
    let good = 0;
    for (let index = 0; index < options.eventsPerFrame; index++) {
      const event = taskEvent(random, `${options.producer}-${seq}-${index}`);
      if (random() < options.badRatio) {
        events.push(badEvents[randomInteger(random, { min: 0, max: badEvents.length - 1 })]!(event));
        plan.bad += 1;
        continue;
      }
      events.push(event);
      good += 1;
      if (event.type !== 'step.completed') plan.executions += 1;
    }
    plan.good += good;
    plan.frames.push({ seq, events, good });
  }
  return plan;
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
