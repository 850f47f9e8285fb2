import type { Random } from '../../src/core/clock.js';
import { dayMs, minuteMs } from '../api/agents/agent-history.js';
import type { RawRow } from '../api/api-store.js';
import { randomInteger } from './seeded-random.js';

export type WireEvent = Readonly<Record<string, unknown>> & { readonly event_id: string };

/** How the collector gets at the time of an event: as sent, or from its own clock within a skew. */
export type Timing =
  | { readonly kind: 'as_sent'; readonly ts: number }
  | { readonly kind: 'unstamped' }
  | { readonly kind: 'clamped'; readonly ts: number; readonly skewMs: number };

/** An event as it was sent, and what must be counted of it; `ts` of the row is settled later when its clock decides. */
export interface SentEvent {
  readonly wire: WireEvent;
  readonly row: RawRow;
  /** Time of receipt plus this is its time; null: it was taken as sent. */
  readonly skewMs: number | null;
}

const types = ['task.completed', 'task.completed', 'task.completed', 'task.failed', 'task.cancelled', 'step.completed'];

/** Makes events one can recompute every number from: each is counted once, however often it is sent. */
export class SentHistory {
  readonly events: SentEvent[] = [];
  readonly #random: Random;
  readonly #agents: readonly string[];

  constructor(random: Random, agents: readonly string[]) {
    this.#random = random;
    this.#agents = agents;
  }

  /** New events, one for each timing. */
  add(timings: readonly Timing[]): WireEvent[] {
    return timings.map((timing) => {
      const sent = this.#event(timing);
      this.events.push(sent);
      return sent.wire;
    });
  }

  /** `count` of the events so far, in any order. */
  sample(count: number): WireEvent[] {
    return Array.from({ length: count }, () => this.#random())
      .map((chance) => Math.floor(chance * this.events.length))
      .filter((index, at, all) => all.indexOf(index) === at)
      .map((index) => this.events[index]!.wire);
  }

  #event(timing: Timing): SentEvent {
    const number = this.events.length;
    const fields = this.#fields(number);
    const stamp = timing.kind === 'unstamped' ? {} : { ts: timing.ts };
    const wire = { ...fields, event_id: `event-${number}`, ...stamp };
    const skewMs = timing.kind === 'as_sent' ? null : timing.kind === 'clamped' ? timing.skewMs : 0;
    const ts = timing.kind === 'as_sent' ? timing.ts : Number.NaN;
    return { wire, skewMs, row: { ...wire, ...fields, tenant: 'default', ts, received: Number.NaN } };
  }

  #fields(number: number) {
    const random = this.#random;
    const integer = (max: number) => randomInteger(random, { min: 0, max });
    const type = types[integer(types.length - 1)]!;
    return {
      type,
      agent_id: this.#agents[integer(this.#agents.length - 1)]!,
      task_id: `task-${number}`,
      run_id: `run-${number % 97}`,
      llm_calls: integer(5),
      tokens_in: integer(4_000),
      tokens_out: integer(900),
      cost_micros: integer(50_000),
      usage_scope: random() < 0.1 ? 'rolled_up' : 'own',
      ...(random() < 0.95 ? { duration_ms: 500 + 9_500 * random() } : {}),
      ...(type === 'step.completed' ? { step_id: `step-${number}`, step_kind: 'tool' } : {}),
      ...(type === 'task.failed' ? { error_category: 'tool', error_message: `no answer from host ${number}` } : {}),
    };
  }
}

/** Times as producers that are late, on either side of midnights and ranges, or in step send them. */
export function mixedTimings(random: Random, { nowMs, count }: { nowMs: number; count: number }): Timing[] {
  const midnightMs = Math.floor(nowMs / dayMs) * dayMs;
  const near = (timeMs: number, spreadMs: number) => Math.round(timeMs + spreadMs * (2 * random() - 1));
  const draws: readonly (() => number)[] = [
    () => nowMs - randomInteger(random, { min: 0, max: 30 * minuteMs }),
    () => near(nowMs - 60 * minuteMs, 10 * minuteMs),
    () => near(nowMs - dayMs, 5 * minuteMs),
    () => near(midnightMs, 2),
    () => near(midnightMs - dayMs, 2),
    () => near(midnightMs - 6 * dayMs, 2),
    () => near(nowMs - 7 * dayMs, 5 * minuteMs),
    () => near(midnightMs - 29 * dayMs, 2),
    () => near(nowMs - 30 * dayMs, 5 * minuteMs),
    () => nowMs - randomInteger(random, { min: 0, max: 45 * dayMs }),
  ];
  return Array.from({ length: count }, () => {
    const draw = random() < 0.5 ? draws[0]! : draws[randomInteger(random, { min: 1, max: draws.length - 1 })]!;
    return { kind: 'as_sent', ts: Math.min(draw(), nowMs) };
  });
}
