import type { Random } from '../../src/core/clock.js';
import { randomInteger } from '../support/seeded-random.js';

/** An event as it is sent; `session_id` names it, whatever else it is. */
export type MixedEvent = Readonly<Record<string, unknown>> & {
  readonly type: string;
  readonly agent_id: string;
  readonly session_id: string;
  readonly ts: number;
};

export interface EventMixOptions {
  readonly producer: string;
  readonly eventsPerFrame: number;
  /** With an id of its own, each event; else a frame's number is all that tells a repetition. */
  readonly hasEventIds: boolean;
  /** Milliseconds between one event's time and the next one's. */
  readonly stepMs: number;
  readonly startMs: number;
}

/** Whose day is damaged and finalized while events come, and whose runs are erased. */
export const mendedAgent = 'agent-mended';
export const erasedAgent = 'agent-erased';
/** Runs of `erasedAgent`, each in its producer's first frames only. */
export const erasedRunPrefix = 'erased-';

/**
 * Frames of every kind of event there is, so that every view has something to do. Values are such that their sums are
 * exact in any order (integers and eighths), and the duration of an agent is always the same, so that its quantiles
 * are known; times differ, so that the last state of a thing is one.
 */
export class EventMix {
  readonly frames: (readonly MixedEvent[])[] = [];
  readonly #random: Random;
  readonly #options: EventMixOptions;
  #count = 0;

  constructor(random: Random, options: EventMixOptions) {
    this.#random = random;
    this.#options = options;
  }

  frame(seq: number): readonly MixedEvent[] {
    while (this.frames.length < seq) this.frames.push(this.#next(this.frames.length + 1));
    return this.frames[seq - 1]!;
  }

  #next(seq: number): readonly MixedEvent[] {
    return Array.from({ length: this.#options.eventsPerFrame }, (_, index) => this.#event(seq, index));
  }

  #event(seq: number, index: number): MixedEvent {
    const { producer, hasEventIds, stepMs, startMs } = this.#options;
    const id = `${producer}-${seq}-${index}`;
    const place = this.#count++;
    // A third of them are of the day before: finalization is about days that are over.
    const isOfYesterday = this.#chance(3) === 0;
    const ts = (isOfYesterday ? startOfYesterday(startMs) : startMs) + place * stepMs;
    const isErased = seq <= 3 && this.#chance(8) === 0;
    const agent = isErased ? erasedAgent : isOfYesterday && this.#chance(3) === 0 ? mendedAgent : this.#agent();
    const run = isErased ? `${erasedRunPrefix}${producer}` : `${producer}-run-${this.#chance(40)}`;
    return {
      agent_id: agent,
      session_id: id,
      ...(hasEventIds ? { event_id: `e-${id}` } : {}),
      user_id: `user-${this.#chance(9)}`,
      ts,
      ...this.#kind(isErased ? 0 : this.#chance(20), { id, run, agent, producer, place }),
    };
  }

  #kind(kind: number, of: Place): Readonly<Record<string, unknown>> & { readonly type: string } {
    const { id, run, agent } = of;
    if (kind < 8) return this.#task(of);
    if (kind < 12) return this.#step(of);
    if (kind < 14) return this.#run(of);
    if (kind < 16) {
      return { type: kind === 14 ? 'memory.stored' : 'memory.recalled', run_id: run, message: `note ${id}` };
    }
    if (kind === 16) {
      const evidence = [`ref-${this.#chance(30)}`, `ref-${this.#chance(30)}`];
      const pattern = `pattern-${this.#chance(12)}`;
      return {
        type: 'pattern.observed',
        pattern_id: pattern,
        pattern_type: 'habit',
        name: `name of ${pattern}`,
        confidence: this.#chance(9) / 8,
        effectiveness: this.#chance(9) / 8,
        evidence,
      };
    }
    if (kind === 17) {
      return {
        type: 'pattern.feedback',
        pattern_id: `pattern-${this.#chance(12)}`,
        feedback_score: this.#chance(6),
        feedback_text: `it helped ${agent} in ${id}`,
      };
    }
    return kind === 18 ? { type: 'log', run_id: run, level: 'info', message: `line ${id}` } : { type: 'heartbeat' };
  }

  /** A task begins, runs and ends in three events that are not beside each other. */
  #task({ id, run, agent, producer, place }: Place) {
    const type = this.#one(['task.pending', 'task.running', 'task.completed', 'task.completed', 'task.failed']);
    const ended = type === 'task.completed' || type === 'task.failed';
    // Another end of the same task would count nothing.
    const task = `${this.#taskOf({ run, producer, place })}${ended ? `-${id}` : ''}`;
    return {
      type,
      run_id: run,
      task_id: task,
      name: 'search',
      ...(ended ? this.#usage(agent) : {}),
      ...(ended ? { memory_mb: this.#chance(64) / 8, confidence: this.#chance(9) / 8 } : {}),
      ...(type === 'task.failed' ? this.#failure() : {}),
    };
  }

  /** Tasks of runs that are erased are theirs alone. */
  #taskOf({ run, producer, place }: Pick<Place, 'run' | 'producer' | 'place'>): string {
    const owner = run.startsWith(erasedRunPrefix) ? run : producer;
    return `${owner}-task-${Math.floor(place / 60)}-${this.#chance(6)}`;
  }

  #step({ id, run, agent, producer, place }: Place) {
    const type = this.#one(['step.started', 'step.completed', 'step.completed', 'step.failed']);
    return {
      type,
      run_id: run,
      task_id: this.#taskOf({ run, producer, place }),
      step_id: `step-${id}`,
      step_kind: 'tool',
      name: 'fetch',
      attempt: 1 + this.#chance(3),
      ...(type === 'step.started' ? {} : this.#usage(agent)),
      ...(type === 'step.failed' ? this.#failure() : {}),
    };
  }

  #run({ id, run, agent }: Place) {
    const type = this.#one(['run.started', 'run.started', 'run.completed', 'run.failed']);
    return {
      type,
      // Another end of the same run would count nothing; runs that are erased are known by their prefix.
      run_id: type === 'run.started' ? run : `${run}-${id}`,
      name: 'answer',
      ...(type === 'run.started' ? {} : this.#usage(agent)),
      ...(type === 'run.failed' ? this.#failure() : {}),
    };
  }

  #usage(agent: string) {
    return {
      duration_ms: durationOf(agent),
      llm_calls: 1 + this.#chance(4),
      tokens_in: 1 + this.#chance(5_000),
      tokens_out: 1 + this.#chance(900),
      cost_micros: 1 + this.#chance(9_000),
    };
  }

  #failure() {
    const code = this.#one(['timeout', 'refused', 'empty']);
    return { error_category: 'tool', error_code: code, error_message: `no answer: ${code}` };
  }

  #agent(): string {
    return `agent-${this.#chance(9)}`;
  }

  #one<T>(among: readonly T[]): T {
    return among[this.#chance(among.length)]!;
  }

  /** 0 … `count` - 1. */
  #chance(count: number): number {
    return randomInteger(this.#random, { min: 0, max: count - 1 });
  }
}

interface Place {
  readonly id: string;
  readonly run: string;
  readonly agent: string;
  readonly producer: string;
  readonly place: number;
}

function durationOf(agent: string): number {
  return 100 * (1 + (agent.charCodeAt(agent.length - 1) % 10));
}

export const dayMs = 86_400_000;

/** An hour after its beginning, so that a load of hours stays within it. */
function startOfYesterday(nowMs: number): number {
  return Math.floor(nowMs / dayMs) * dayMs - dayMs + 3_600_000;
}
