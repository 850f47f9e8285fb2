/// <reference lib="esnext.disposable" preserve="true" />
import type { EventType } from '../../core/event-types.js';
import type { TidemarkEvent } from '../event.js';
import { canonicalJson } from './canonical-json.js';
import { type Carried, traceParent, writeCarrier } from './carrier.js';
import { sharedFields } from './context.js';
import { type FailurePlace, failureOf, isCancellation } from './failure.js';
import { mendCount, mendLabels, mendScalars, mendShare, mendText, type Scalar } from './mend.js';
import type { FailOptions, KindOptions, Shared, Usage } from './options.js';
import type { DraftEvent, Recorder } from './recorder.js';
import { type Beginning, noOptions, type Part, type Place, type Scope } from './scope.js';
import type { Untold } from './untold-starts.js';
import { Words } from './words.js';

type Outcome = 'completed' | 'failed' | 'cancelled';

const usageFields = {
  in: 'tokens_in',
  out: 'tokens_out',
  cacheRead: 'tokens_cache_read',
  cacheWrite: 'tokens_cache_write',
  reasoning: 'tokens_reasoning',
  costMicros: 'cost_micros',
} as const;

const typesOf = <Name extends Part>(part: Name) =>
  ({ completed: `${part}.completed`, failed: `${part}.failed`, cancelled: `${part}.cancelled` }) as const;

const types = {
  run: { began: 'run.started', ...typesOf('run') },
  task: { began: 'task.running', ...typesOf('task') },
  // There is no cancelled step among the types: it ended, and not by itself.
  step: { began: 'step.started', ...typesOf('step'), cancelled: 'step.completed' },
} as const satisfies Record<Part, Record<Outcome | 'began', EventType>>;

// Browsers without them: what compiles `using` for them takes these in their place.
const dispose: typeof Symbol.dispose = Symbol.dispose ?? Symbol.for('Symbol.dispose');
const asyncDispose: typeof Symbol.asyncDispose = Symbol.asyncDispose ?? Symbol.for('Symbol.asyncDispose');

/**
 * A run, a task or a step attempt that is under way. It ends once: with the function it was begun for, with
 * `await using`, or by `end`, `fail` or `cancel`; what is said of it later is left out.
 */
export class Handle extends Words<Handle> implements Scope, Untold {
  readonly part: Part;
  readonly id: string;
  readonly name: string;
  readonly beganAtMs: number = 0;
  listedAt = -1;
  readonly #beginning: Beginning;
  /** The wall clock's. */
  readonly #startedMs: number = 0;
  /** What is said of it beyond the ids. */
  #told: Record<string, unknown> | null = null;
  /** What it used: its end alone says so, since a number that is told twice would count twice. */
  #used: Record<string, unknown> | null = null;
  #isStartTold = false;
  #hasEnded = false;

  constructor(recorder: Recorder<Handle>, beginning: Beginning) {
    super(recorder);
    this.part = beginning.part;
    this.id = beginning.id;
    this.name = beginning.name;
    this.#beginning = beginning;
    if (beginning.foreign === true || recorder.isOff) return;
    const { clock } = recorder.surroundings;
    this.beganAtMs = clock.monotonicMs();
    this.#startedMs = clock.nowMs();
    try {
      this.#begin();
    } catch (error) {
      recorder.noteProblem(error);
    }
  }

  get place(): Place {
    return this.#beginning.place;
  }
  get shared(): Shared {
    return this.#beginning.shared;
  }

  /** Counts add up; a call without `calls` is one model call. */
  override usage(usage: Usage): void {
    this.#tell(() => {
      for (const [name, field] of Object.entries(usageFields)) {
        this.#add(field, mendCount(usage[name as keyof typeof usageFields]));
      }
      const hasTokens = usage.in !== undefined || usage.out !== undefined;
      this.#add('llm_calls', mendCount(usage.calls) ?? (hasTokens ? 1 : undefined));
      this.#set('model', mendText(usage.model));
      this.#set('provider', mendText(usage.provider));
      this.#use('finish_reason', mendText(usage.finishReason));
      if (typeof usage.memoryMb === 'number') this.#use('memory_mb', usage.memoryMb);
    });
  }

  override label(key: string | Readonly<Record<string, Scalar>>, value?: Scalar): void {
    const labels = typeof key === 'string' ? { [key]: value } : key;
    this.#tell(() => this.#merge('labels', this.#mended(mendLabels(labels))));
  }

  /** Results as they may be kept: a flat map of scalars. */
  output(outputs: Readonly<Record<string, Scalar>>): void {
    this.#tell(() => this.#merge('outputs', this.#mended(mendScalars(outputs))));
  }

  input(inputs: Readonly<Record<string, Scalar>>): void {
    this.#tell(() => this.#merge('inputs', this.#mended(mendScalars(inputs))));
  }

  /** What it was called with, when that is known later than its beginning: hashed here, never sent. */
  args(value: unknown): void {
    this.#tell(() => this.#set('args_hash', this.recorder.surroundings.hash(canonicalJson(value))));
  }

  confidence(share: number): void {
    this.#tell(() => this.#set('confidence', mendShare(share)));
  }

  end(): void {
    this.#end('completed', null);
  }

  /** A cancellation (an AbortError) ends it as cancelled. */
  fail(error: unknown, options: FailOptions = {}): void {
    if (isCancellation(error)) {
      this.cancel();
      return;
    }
    this.recorder.quietly(() => {
      const { part, stepKind } = this.#beginning;
      const place: FailurePlace = part === 'step' ? (stepKind ?? 'other') : 'none';
      const { category, code, message } = failureOf(error, place, this.recorder);
      this.#end('failed', {
        error_category: options.category ?? category,
        error_code: mendText(options.code ?? code),
        error_message: message,
      });
    });
  }

  cancel(): void {
    this.#end('cancelled', this.part === 'step' ? { finish_reason: 'cancelled' } : null);
  }

  /** Runs `work` as if it were inside: for callbacks that lose the context. */
  with<Result>(work: () => Result): Result {
    return this.recorder.within({ handle: this, attempts: null }, work);
  }

  /** Where this goes on in another process: for `resume`. */
  carrier(): string {
    return writeCarrier(this.#carried());
  }

  headers(): Record<string, string> {
    const carried = this.#carried();
    const parent = traceParent(carried.run, carried.step || carried.task);
    return { tidemark: writeCarrier(carried), ...(parent === undefined ? {} : { traceparent: parent }) };
  }

  [dispose](): void {
    this.end();
  }

  async [asyncDispose](): Promise<void> {
    this.end();
    await this.recorder.room();
  }

  protected override inside(): Handle {
    return this;
  }

  #carried(): Carried {
    const { run_id: run = '', task_id: task = '', step_id: step = '' } = this.place;
    return { run, task, step, agent: this.agent };
  }

  get agent(): string {
    return this.shared.agent || this.name || 'agent';
  }

  /** The fields that every event about this, or from inside it, has. */
  identity(): Pick<TidemarkEvent, 'agent_id'> & Place {
    return { agent_id: this.agent, ...this.place };
  }

  #begin(): void {
    const { options } = this.#beginning;
    if (options !== noOptions) this.#take(options);
    if (this.part !== 'step') this.tellStart();
    this.recorder.noteBegun(this);
  }

  #take(options: KindOptions): void {
    if (options.labels !== undefined) this.label(options.labels);
    if (options.inputs !== undefined) this.input(options.inputs);
    if (options.confidence !== undefined) this.confidence(options.confidence);
    this.#set('model', mendText(options.model));
    this.#set('provider', mendText(options.provider));
    if (options.args !== undefined) this.args(options.args);
  }

  tellStart(): void {
    this.#isStartTold = true;
    const event = this.#draft(types[this.part].began, this.#startedMs);
    this.#addBeginning(event);
    this.recorder.record(event);
  }

  /** Hot path: once a step. */
  #end(outcome: Outcome, more: object | null): void {
    const { recorder } = this;
    if (this.#hasEnded || this.#beginning.foreign === true) return;
    this.#hasEnded = true;
    if (recorder.isOff) return;
    try {
      const { clock } = recorder.surroundings;
      const event = this.#draft(types[this.part][outcome], clock.nowMs());
      event.duration_ms = Math.max(0, Math.round((clock.monotonicMs() - this.beganAtMs) * 1_000) / 1_000);
      if (!this.#isStartTold) {
        event.started_at = this.#startedMs;
        this.#addBeginning(event);
      } else if (this.#told !== null) Object.assign(event, this.#told);
      if (this.#used !== null || more !== null) Object.assign(event, this.#used, more);
      recorder.noteEnded(this);
      recorder.record(event);
    } catch (error) {
      recorder.noteProblem(error);
    }
  }

  /** The fields that most have, told or not, so that drafts are of one shape. */
  #draft(type: EventType, ts: number): DraftEvent {
    const { place, name } = this;
    return {
      type,
      agent_id: this.agent,
      run_id: place.run_id,
      task_id: place.task_id,
      step_id: place.step_id,
      attempt: place.attempt,
      parent_id: undefined,
      name,
      step_kind: this.#beginning.stepKind,
      ts,
      started_at: undefined,
      duration_ms: undefined,
      event_id: undefined,
    };
  }

  #addBeginning(event: DraftEvent): void {
    const { parentId, shared } = this.#beginning;
    event.parent_id = parentId;
    const fields = sharedFields(shared);
    if (fields !== null) Object.assign(event, fields);
    if (this.#told !== null) Object.assign(event, this.#told);
  }

  #tell(work: () => void): void {
    if (this.#hasEnded) this.recorder.noteMended(1);
    else this.recorder.quietly(work);
  }

  #set(field: string, value: unknown): void {
    if (value === undefined) return;
    this.#told ??= {};
    this.#told[field] = value;
  }

  #use(field: string, value: unknown): void {
    if (value === undefined) return;
    this.#used ??= {};
    this.#used[field] = value;
  }

  #add(field: string, count: number | undefined): void {
    if (count !== undefined) this.#use(field, Number(this.#used?.[field] ?? 0) + count);
  }

  #merge(field: string, map: object): void {
    this.#set(field, { ...(this.#told?.[field] as object | undefined), ...map });
  }

  #mended<Value>({ value, mended }: { readonly value: Value; readonly mended: number }): Value {
    if (mended > 0) this.recorder.noteMended(mended);
    return value;
  }
}
