import { sleep } from '../../core/clock.js';
import type { TidemarkEvent } from '../event.js';
import { Attempts, inherit, sharedOf } from './context.js';
import { isCancellation } from './failure.js';
import { followIteration } from './iteration.js';
import { mendCount, mendShare, mendText, type Scalar } from './mend.js';
import type {
  KindOptions,
  RetryOptions,
  RunOptions,
  Shared,
  StepKind,
  StepOptions,
  TaskOptions,
  Usage,
} from './options.js';
import type { Recorder } from './recorder.js';
import { noOptions, type Part, type Place, type Scope } from './scope.js';

/** A function that is given the handle of what it does. */
type Work<Result, Self> = (handle: Self) => Result;

/** What may stand behind a name: options, the work, both or nothing. */
interface Behind<Options, Self> {
  readonly first: Options | Work<unknown, Self> | undefined;
  readonly last: Work<unknown, Self> | undefined;
}

export interface ObserveOptions extends KindOptions {
  /** Default: that of the function. */
  readonly name?: string;
  /** Default: a step; of `kind` other when that is not told either. */
  readonly as?: Part;
}

export interface Pattern {
  readonly id: string;
  readonly type?: string;
  readonly confidence?: number;
  readonly effectiveness?: number;
  /** Ids of runs and tasks. */
  readonly evidence?: readonly string[];
}

const memoriesMax = 100;

export interface MemoryWords {
  /** One event for each of `count`, 1 unless told, at most 100. */
  stored(count?: number): void;
  recalled(count?: number): void;
}

export interface Feedback {
  /** Of the pattern. */
  readonly id: string;
  readonly score?: number;
  readonly text?: string;
}

/**
 * The words, of a client (they then belong to what is under way around the caller) and of a handle (to it). A word with
 * a function as its last argument runs it, inside, and ends with it: completed, failed with what it threw, which is
 * thrown on, or cancelled. Without one the handle is returned, for its owner to end.
 */
export abstract class Words<Self extends Scope> {
  protected readonly recorder: Recorder<Self>;

  constructor(recorder: Recorder<Self>) {
    this.recorder = recorder;
  }

  run<Result>(name: string, work: Work<Result, Self>): Result;
  run<Result>(name: string, options: RunOptions, work: Work<Result, Self>): Result;
  run(name: string, options?: RunOptions): Self;
  run(name: string, first?: RunOptions | Work<unknown, Self>, last?: Work<unknown, Self>): unknown {
    return this.#say('run', name, { first, last });
  }

  task<Result>(name: string, work: Work<Result, Self>): Result;
  task<Result>(name: string, options: TaskOptions, work: Work<Result, Self>): Result;
  task(name: string, options?: TaskOptions): Self;
  task(name: string, first?: TaskOptions | Work<unknown, Self>, last?: Work<unknown, Self>): unknown {
    return this.#say('task', name, { first, last });
  }

  step<Result>(name: string, work: Work<Result, Self>): Result;
  step<Result>(name: string, options: KindOptions, work: Work<Result, Self>): Result;
  step(name: string, options?: KindOptions): Self;
  step(name: string, first?: KindOptions | Work<unknown, Self>, last?: Work<unknown, Self>): unknown {
    return this.#say('step', name, { first, last }, 'other');
  }

  tool<Result>(name: string, work: Work<Result, Self>): Result;
  tool<Result>(name: string, options: StepOptions, work: Work<Result, Self>): Result;
  tool(name: string, options?: StepOptions): Self;
  tool(name: string, first?: StepOptions | Work<unknown, Self>, last?: Work<unknown, Self>): unknown {
    return this.#say('step', name, { first, last }, 'tool');
  }

  llm<Result>(name: string, work: Work<Result, Self>): Result;
  llm<Result>(name: string, options: StepOptions, work: Work<Result, Self>): Result;
  llm(name: string, options?: StepOptions): Self;
  llm(name: string, first?: StepOptions | Work<unknown, Self>, last?: Work<unknown, Self>): unknown {
    return this.#say('step', name, { first, last }, 'llm');
  }

  retrieval<Result>(name: string, work: Work<Result, Self>): Result;
  retrieval<Result>(name: string, options: StepOptions, work: Work<Result, Self>): Result;
  retrieval(name: string, options?: StepOptions): Self;
  retrieval(name: string, first?: StepOptions | Work<unknown, Self>, last?: Work<unknown, Self>): unknown {
    return this.#say('step', name, { first, last }, 'retrieval');
  }

  /** The same function, told each time it is called; its arguments are hashed, its iterations followed to their end. */
  observe<This, Args extends unknown[], Result>(
    work: (this: This, ...args: Args) => Result,
    options: ObserveOptions = {},
  ): (this: This, ...args: Args) => Result {
    const { as = 'step', name = work.name || 'anonymous', kind = 'other', ...others } = options;
    const words = this;
    return function observed(this: This, ...args: Args): Result {
      const handle = words.#begin(as, name, { args, ...others }, as === 'step' ? kind : undefined);
      return words.#perform(handle, () => work.apply(this, args));
    };
  }

  /**
   * Runs `work` again when it throws, at most `times` in all, and throws the last error on; a cancellation is not tried
   * again. Steps and tasks that are begun directly inside keep their ids, with the number of the attempt.
   */
  async retry<Result>(
    options: number | RetryOptions,
    work: (attempt: number) => Result | Promise<Result>,
  ): Promise<Result> {
    const {
      times,
      delayMs = 0,
      if: mayRetry,
    }: RetryOptions = typeof options === 'number' ? { times: options } : options;
    const attempts = new Attempts();
    const handle = this.inside();
    for (;;) {
      const { attempt } = attempts;
      try {
        return await this.recorder.within({ handle, attempts }, () => work(attempt));
      } catch (error) {
        if (attempt >= times || isCancellation(error) || mayRetry?.(error) === false) throw error;
      }
      const waitMs = typeof delayMs === 'number' ? delayMs : delayMs(attempt);
      if (waitMs > 0) await sleep(this.recorder.surroundings.holdingClock, waitMs);
      attempts.next();
    }
  }

  usage(usage: Usage): void {
    this.inside()?.usage(usage);
  }

  label(key: string, value: Scalar): void;
  label(labels: Readonly<Record<string, Scalar>>): void;
  label(key: string | Readonly<Record<string, Scalar>>, value?: Scalar): void {
    this.inside()?.label(typeof key === 'string' ? { [key]: value ?? '' } : key);
  }

  log(level: 'trace' | 'debug' | 'info' | 'warn' | 'error' | 'fatal', message: string): void {
    this.#record({ type: 'log', level, message: String(message).slice(0, 8_192) });
  }

  get memory(): MemoryWords {
    const tell = (type: 'memory.stored' | 'memory.recalled', count: number): void => {
      for (let told = 0; told < Math.min(count, memoriesMax); told += 1) this.#record({ type });
    };
    return {
      stored: (count = 1) => tell('memory.stored', count),
      recalled: (count = 1) => tell('memory.recalled', count),
    };
  }

  pattern({ id, type, confidence, effectiveness, evidence }: Pattern): void {
    this.#record({
      type: 'pattern.observed',
      pattern_id: mendText(id),
      pattern_type: mendText(type),
      confidence: mendShare(confidence),
      effectiveness: mendShare(effectiveness),
      evidence: evidence?.slice(0, 16).map((entry) => mendText(entry) ?? ''),
    });
  }

  feedback({ id, score, text }: Feedback): void {
    this.#record({
      type: 'pattern.feedback',
      pattern_id: mendText(id),
      feedback_score: score,
      feedback_text: text?.slice(0, 2_048),
    });
  }

  /** Says that work goes on. Sent by itself while a run is open. */
  heartbeat(): void {
    this.#record({ type: 'heartbeat' });
  }

  /** What the words belong to; null: to nothing. */
  protected abstract inside(): Self | null;

  #say<Options extends KindOptions>(part: Part, name: string, behind: Behind<Options, Self>, kind?: StepKind): unknown {
    const { first, last } = behind;
    const work = typeof first === 'function' ? first : last;
    const options = typeof first === 'function' ? noOptions : (first ?? noOptions);
    const handle = this.#begin(part, name, options, kind);
    return work === undefined ? handle : this.#perform(handle, () => work(handle));
  }

  #begin(part: Part, name: string, given: RunOptions & KindOptions, kindDefault: StepKind | undefined): Self {
    const { recorder } = this;
    const outer = this.inside();
    const flowing = recorder.flowing();
    const attempts = flowing?.handle === outer ? (flowing?.attempts ?? null) : null;
    const stepKind = part === 'step' ? (given.kind ?? kindDefault) : undefined;
    const says = mendText(name) || 'unnamed';
    const id =
      mendText(given.id) ??
      // A run that failed stays so: another attempt of it is another run.
      (attempts === null || part === 'run'
        ? this.#newId(part)
        : attempts.idOf(`${part} ${stepKind}`, says, () => this.#newId(part)));
    return recorder.open({
      part,
      id,
      name: says,
      place: placeOf(part, id, outer?.place ?? nowhere, mendCount(given.attempt) || (attempts?.attempt ?? 1)),
      parentId: outer?.id || undefined,
      shared: this.#sharedOf(says, outer, given),
      stepKind,
      options: given,
    });
  }

  #newId(part: Part): string {
    const { ids, surroundings } = this.recorder;
    return part === 'run' ? ids.run(surroundings.clock.nowMs()) : ids.part();
  }

  /** An agent that nobody named is called as what it does, and that holds for everything inside. */
  #sharedOf(name: string, outer: Self | null, given: RunOptions): Shared {
    const around = outer?.shared ?? this.recorder.shared;
    const shared = given === noOptions ? around : inherit(around, sharedOf(given));
    return shared.agent === undefined ? { ...shared, agent: name } : shared;
  }

  /** Asynchronous work also waits for room, where the client is told to block. */
  #perform<Result>(handle: Self, work: () => Result): Result {
    const flowing = { handle, attempts: null };
    let result: Result;
    try {
      result = this.recorder.within(flowing, work);
    } catch (error) {
      handle.fail(error);
      throw error;
    }
    if (!isThenable(result)) return this.#settle(handle, result);
    const settled = Promise.resolve(result).then(
      (value) => {
        const followed = this.#settle(handle, value);
        const room = this.recorder.room();
        return room === null ? followed : room.then(() => followed);
      },
      (error: unknown) => {
        handle.fail(error);
        throw error;
      },
    );
    return settled as Result;
  }

  /** Ends it, unless what came of the work is yet to be iterated. */
  #settle<Value>(handle: Self, value: Value): Value {
    if (typeof value === 'object' && value !== null) {
      const followed = followIteration(value, {
        inside: (step) => this.recorder.within({ handle, attempts: null }, step),
        ended: () => handle.end(),
        failed: (error) => handle.fail(error),
      });
      if (followed !== null) return followed;
    }
    handle.end();
    return value;
  }

  #record(fields: Omit<Partial<TidemarkEvent>, 'type'> & Pick<TidemarkEvent, 'type'>): void {
    const { recorder } = this;
    recorder.quietly(() => {
      const handle = this.inside();
      const identity = handle?.identity() ?? { agent_id: recorder.shared.agent ?? 'agent' };
      recorder.record({ ...fields, ...identity });
    });
  }
}

const nowhere: Place = {};

function placeOf(part: Part, id: string, outer: Place, attempt: number): Place {
  const { run_id, task_id } = outer;
  if (part === 'run') return { run_id: id, task_id: undefined, step_id: undefined, attempt: undefined };
  if (part === 'task') return { run_id, task_id: id, step_id: undefined, attempt };
  return { run_id, task_id, step_id: id, attempt };
}

function isThenable(value: unknown): value is PromiseLike<unknown> {
  return typeof value === 'object' && value !== null && typeof (value as { then?: unknown }).then === 'function';
}
