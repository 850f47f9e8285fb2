import type { Handle } from '../record/handle.js';
import type { FailOptions, RunOptions } from '../record/options.js';
import type { Tidemark } from '../record/tidemark.js';
import { vendorOf } from './ai-model.js';
import { argsOf, around, countOf, outermost, textOf } from './open-work.js';

type Attributes = Readonly<Record<string, unknown>>;

/**
 * The AI SDK, `ai` 6: a tracer of its telemetry.
 *
 *     const tracer = new TidemarkTracer(tm);
 *     await generateText({ model, prompt, experimental_telemetry: { isEnabled: true, tracer } });
 *
 * It has the shape of a tracer of OpenTelemetry, and touches nothing of that. What a call is made into is as with
 * `TidemarkTelemetry`, which is for `ai` 7.
 */
export class TidemarkTracer {
  readonly #tm: Tidemark;
  readonly #options: RunOptions;
  readonly #spanOf = new WeakMap<Handle, TracedSpan>();

  /** `options` (agent, session, user, labels, …) are those of each run. */
  constructor(tm: Tidemark, options: RunOptions = {}) {
    this.#tm = tm;
    this.#options = options;
  }

  startSpan(name: string, options?: { readonly attributes?: object }): TracedSpan {
    const outer = around(this.#tm);
    const parent = outer === null ? undefined : this.#spanOf.get(outer);
    const attributes = (options?.attributes ?? {}) as Attributes;
    const handle = this.#tm.quietly(() => this.#begin(name, attributes, parent)) ?? null;
    const span = new TracedSpan(this.#tm, { name, handle, parent });
    if (handle !== null) this.#spanOf.set(handle, span);
    if (span.isAttempt && parent !== undefined) parent.attempt = span;
    span.setAttributes(attributes);
    return span;
  }

  /** Runs the last argument, which gets the span, inside. */
  startActiveSpan<Work extends (span: TracedSpan) => unknown>(name: string, ...rest: readonly unknown[]) {
    const work = rest.at(-1) as Work;
    const options = rest.length > 1 ? (rest[0] as { readonly attributes?: object }) : undefined;
    const span = this.startSpan(name, options);
    const run = (): ReturnType<Work> => work(span) as ReturnType<Work>;
    return span.handle === null ? run() : span.handle.with(run);
  }

  /** Null for what has no meaning of its own. */
  #begin(name: string, told: Attributes, parent: TracedSpan | undefined): Handle | null {
    const operation = name.replace(/^ai\./, '');
    const called = textOf(told['ai.telemetry.functionId']) ?? operation;
    if (/^(generate|stream)(Text|Object)$/.test(operation)) return outermost(this.#tm, called, this.#options);
    // A stream runs its tools while it comes in.
    const inside = (parent?.isAttempt === true ? parent.outer : around(this.#tm)) ?? this.#tm;
    const model = textOf(told['ai.model.id']);
    const options = { ...(model === undefined ? {} : { model }), ...vendorOf(told['ai.model.provider']) };
    if (/^(embed|embedMany)$/.test(operation)) return inside.llm(called, options);
    if (operation === 'rerank') return inside.retrieval(called, options);
    if (operation === 'toolCall') {
      const args = told['ai.toolCall.args'];
      const tool = textOf(told['ai.toolCall.name']) ?? 'tool';
      return inside.tool(tool, typeof args === 'string' ? { args: argsOf(args) } : {});
    }
    if (!isAttempt(operation)) return null;
    const failed = parent?.failedAttempt;
    const again = failed === undefined ? {} : { id: failed.id, attempt: (failed.place.attempt ?? 1) + 1 };
    return inside.llm(model ?? 'model', { ...options, ...again });
  }
}

interface Place {
  readonly name: string;
  readonly handle: Handle | null;
  readonly parent: TracedSpan | undefined;
}

/** What `ai` needs of a span. */
class TracedSpan {
  readonly handle: Handle | null;
  /** Of a call: its attempt at a model that is under way, and the one that has failed before that. */
  attempt: TracedSpan | undefined;
  failedAttempt: Handle | undefined;
  /** How something inside has failed: an error comes as another one to each span on its way. */
  failure: { readonly message: string; readonly options: FailOptions } | undefined;
  readonly #tm: Tidemark;
  readonly #name: string;
  readonly #parent: TracedSpan | undefined;
  #told: Attributes = {};
  #error: Error | null = null;

  constructor(tm: Tidemark, { name, handle, parent }: Place) {
    this.#tm = tm;
    this.#name = name;
    this.handle = handle;
    this.#parent = parent;
  }

  get isAttempt(): boolean {
    return isAttempt(this.#name);
  }

  /** What it is inside of. */
  get outer(): Handle | null {
    return this.#parent?.handle ?? null;
  }

  setAttribute(key: string, value: unknown): this {
    return this.setAttributes({ [key]: value });
  }

  setAttributes(attributes: object): this {
    this.#tm.quietly(() => {
      const read = Object.entries(attributes).filter(([key]) => readAttributes.test(key));
      this.#told = { ...this.#told, ...Object.fromEntries(read) };
    });
    return this;
  }

  recordException(exception: unknown): void {
    this.#tm.quietly(() => {
      const { name = 'Error', message = '' } = exception as { readonly name?: string; readonly message?: string };
      this.#error = Object.assign(new Error(message), { name });
    });
  }

  setStatus({ code, message = 'failed' }: { readonly code: number; readonly message?: string }): this {
    if (code === errorStatus) this.#error ??= new Error(message);
    return this;
  }

  end(): void {
    this.#tm.quietly(() => {
      if (this.isAttempt && this.#parent !== undefined) this.#parent.attempt = undefined;
      this.#tellUsage();
      if (this.#error !== null) this.#fail(this.#error);
      else if (this.attempt === undefined) this.handle?.end();
      else this.#cancel(this.attempt);
    });
  }

  addEvent(): this {
    return this;
  }
  addLink(): this {
    return this;
  }
  addLinks(): this {
    return this;
  }
  updateName(): this {
    return this;
  }
  isRecording(): boolean {
    return true;
  }
  /** Of no trace. */
  spanContext(): { readonly traceId: string; readonly spanId: string; readonly traceFlags: number } {
    return { traceId: '0'.repeat(32), spanId: '0'.repeat(16), traceFlags: 0 };
  }

  #tellUsage(): void {
    const told = this.#told;
    const count = (name: string): number | undefined => countOf(told[`ai.usage.${name}`]);
    if (/\.doEmbed$/.test(this.#name)) {
      this.#parent?.handle?.usage({ calls: 1, in: count('tokens') });
      return;
    }
    if (!this.isAttempt || this.#error !== null) return;
    if (this.#parent !== undefined) this.#parent.failedAttempt = undefined;
    this.handle?.usage({
      calls: 1,
      model: textOf(told['ai.response.model']),
      finishReason: textOf(told['ai.response.finishReason']),
      in: count('inputTokens') ?? count('promptTokens'),
      out: count('outputTokens') ?? count('completionTokens'),
      cacheRead: count('inputTokenDetails.cacheReadTokens'),
      cacheWrite: count('inputTokenDetails.cacheWriteTokens'),
      reasoning: count('outputTokenDetails.reasoningTokens'),
    });
  }

  /** A call that is aborted while its answer comes in ends without a word of either. */
  #cancel(attempt: TracedSpan): void {
    attempt.handle?.cancel();
    this.handle?.cancel();
  }

  #fail(error: Error): void {
    const inner = this.failure;
    const options = inner !== undefined && error.message.includes(inner.message) ? inner.options : {};
    this.handle?.fail(error, options);
    if (this.#parent === undefined) return;
    if (this.isAttempt && this.handle !== null) this.#parent.failedAttempt = this.handle;
    const category = this.isAttempt ? 'model' : 'tool';
    this.#parent.failure = { message: error.message, options: { category, code: error.name } };
  }
}

const isAttempt = (name: string): boolean => /\.do(Generate|Stream)$/.test(name);

/** Texts among the others are prompts and answers. */
const readAttributes = /^ai\.(usage\.|response\.(model|finishReason)$)/;

/** That of OpenTelemetry. */
const errorStatus = 2;
