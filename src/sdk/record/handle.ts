import type { EventType } from '../../core/event-types.js';
import type { TidemarkEvent } from '../event.js';
import { canonicalJson } from './canonical-json.js';
import { type Carried, traceParent, writeCarrier } from './carrier.js';
import { sharedFields } from './context.js';
import { type FailurePlace, failureOf, isCancellation } from './failure.js';
import { mendCount, mendLabels, mendScalars, mendShare, mendText, type Scalar } from './mend.js';
import type { FailOptions, Shared, Usage } from './options.js';
import type { Recorder } from './recorder.js';
import type { Beginning, Part, Place, Scope } from './scope.js';
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

/**
 * A run, a task or a step attempt that is under way. It ends once: with the function it was begun for, with
 * `await using`, or by `end`, `fail` or `cancel`; what is said of it later is left out.
 */
export class Handle extends Words<Handle> implements Scope {
  readonly part: Part;
  readonly id: string;
  readonly name: string;
  readonly #beginning: Beginning;
  readonly #beganAt: number;
  /** What the end will say beyond the ids. */
  readonly #told: Record<string, unknown> = {};
  #hasEnded = false;

  constructor(recorder: Recorder<Handle>, beginning: Beginning) {
    super(recorder);
    this.part = beginning.part;
    this.id = beginning.id;
    this.name = beginning.name;
    this.#beginning = beginning;
    this.#beganAt = recorder.surroundings.clock.monotonicMs();
    if (beginning.foreign !== true && !recorder.isOff) recorder.quietly(() => this.#begin());
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
        const count = mendCount(usage[name as keyof typeof usageFields]);
        if (count !== undefined) this.#add(field, count);
      }
      const hasTokens = usage.in !== undefined || usage.out !== undefined;
      const calls = mendCount(usage.calls) ?? (hasTokens ? 1 : undefined);
      if (calls !== undefined) this.#add('llm_calls', calls);
      this.#set('model', mendText(usage.model));
      this.#set('provider', mendText(usage.provider));
      this.#set('finish_reason', mendText(usage.finishReason));
      if (typeof usage.memoryMb === 'number') this.#set('memory_mb', usage.memoryMb);
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
      const { category, code, message } = failureOf(error, place, this.recorder.classify);
      this.#end('failed', {
        error_category: options.category ?? category,
        error_code: mendText(options.code ?? code),
        error_message: message,
      });
    });
  }

  cancel(): void {
    // There is no cancelled step among the types: it ended, and not by itself.
    if (this.part === 'step') this.#end('completed', { finish_reason: 'cancelled' });
    else this.#end('cancelled', null);
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

  [Symbol.dispose ?? Symbol.for('Symbol.dispose')](): void {
    this.end();
  }

  async [Symbol.asyncDispose ?? Symbol.for('Symbol.asyncDispose')](): Promise<void> {
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
    const { part, options, parentId, shared } = this.#beginning;
    if (options.labels !== undefined) this.label(options.labels);
    if (options.inputs !== undefined) this.input(options.inputs);
    if (options.confidence !== undefined) this.confidence(options.confidence);
    this.#set('model', mendText(options.model));
    this.#set('provider', mendText(options.provider));
    if (options.args !== undefined) this.args(options.args);
    const type = part === 'task' ? 'task.running' : (`${part}.started` as const);
    this.#record(type, sharedFields(shared), parentId === undefined ? null : { parent_id: parentId });
    this.recorder.noteOpened(this);
  }

  #end(outcome: Outcome, more: object | null): void {
    if (this.#hasEnded || this.#beginning.foreign === true) return;
    this.#hasEnded = true;
    if (this.recorder.isOff) return;
    this.recorder.quietly(() => {
      const durationMs = Math.max(
        0,
        Math.round((this.recorder.surroundings.clock.monotonicMs() - this.#beganAt) * 1_000) / 1_000,
      );
      this.#set('duration_ms', durationMs);
      this.#record(`${this.part}.${outcome}` as EventType, null, more);
      this.recorder.noteEnded(this);
    });
  }

  /** Hot path: twice a step. The fields that all have come first, so that events are of one shape. */
  #record(type: EventType, shared: object | null, more: object | null): void {
    const { place, name } = this;
    const { run_id, task_id, step_id, attempt } = place;
    const step_kind = this.#beginning.stepKind;
    const event = { type, agent_id: this.agent, run_id, task_id, step_id, attempt, name, step_kind };
    // The agent of `shared` is this one.
    this.recorder.record(Object.assign(event, shared, this.#told, more) as TidemarkEvent);
  }

  #tell(work: () => void): void {
    if (this.#hasEnded) this.recorder.noteMended(1);
    else this.recorder.quietly(work);
  }

  #set(field: string, value: unknown): void {
    if (value !== undefined) this.#told[field] = value;
  }

  #add(field: string, count: number): void {
    this.#told[field] = Number(this.#told[field] ?? 0) + count;
  }

  #merge(field: string, map: object): void {
    this.#told[field] = { ...(this.#told[field] as object | undefined), ...map };
  }

  #mended<Value>({ value, mended }: { readonly value: Value; readonly mended: number }): Value {
    if (mended > 0) this.recorder.noteMended(mended);
    return value;
  }
}
