import type { Handle } from '../record/handle.js';
import type { RunOptions, Usage } from '../record/options.js';
import type { Tidemark } from '../record/tidemark.js';
import { vendorOf } from './ai-model.js';
import { around, countOf, fieldOf, OpenWork, outermost } from './open-work.js';

export { TidemarkTracer } from './ai-tracer.js';

/** What is read of the events of `ai`; nothing of the package is needed, not even its types. */
interface Call {
  /** Of one `generateText`, `streamText`, `embed`, … */
  readonly callId: string;
}

interface Model {
  readonly provider: string;
  readonly modelId: string;
}

interface Started extends Call, Model {
  readonly operationId: string;
  readonly functionId?: string | undefined;
}

interface Answered extends Call {
  readonly modelId?: string;
  /** Of generated objects. */
  readonly response?: { readonly modelId?: string };
  readonly finishReason: string;
  readonly usage: unknown;
}

interface ToolCall extends Call {
  readonly toolCall: { readonly toolCallId: string; readonly toolName: string; readonly input?: unknown };
}

/**
 * The AI SDK, `ai` 7: an integration of its telemetry, for one call or for all.
 *
 *     import { registerTelemetry } from 'ai';
 *     registerTelemetry(new TidemarkTelemetry(tm));
 *
 * `generateText`, `streamText` and their kind are a run called as their `functionId`, or a task where a handle is open
 * already; each attempt at a model and each tool is a step, and what a tool begins is inside it. Embeddings and the
 * like are one step. Prompts and answers are never looked at.
 */
export class TidemarkTelemetry {
  readonly #tm: Tidemark;
  readonly #options: RunOptions;
  /** Calls by their id, their attempt at a model and the one that failed before it, and tools, by ids made of it. */
  readonly #work = new OpenWork();

  /** `options` (agent, session, user, labels, …) are those of each run. */
  constructor(tm: Tidemark, options: RunOptions = {}) {
    this.#tm = tm;
    this.#options = options;
  }

  onStart(event: Started): void {
    this.#tm.quietly(() => {
      const { callId, operationId, functionId } = event;
      const operation = operationId.replace(/^ai\./, '');
      const name = functionId ?? operation;
      if (/^(generate|stream)(Text|Object)$/.test(operation)) {
        this.#work.open(callId, outermost(this.#tm, name, this.#options));
        return;
      }
      const words = around(this.#tm) ?? this.#tm;
      const isRanking = operation === 'rerank';
      this.#work.open(callId, isRanking ? words.retrieval(name, modelOf(event)) : words.llm(name, modelOf(event)));
    });
  }

  /** Around each attempt at a model, inside what `ai` tries again. */
  async executeLanguageModelCall<Result>({
    execute,
    ...event
  }: Call & Partial<Model> & { readonly execute: () => PromiseLike<Result> }): Promise<Result> {
    const { callId } = event;
    const step = this.#tm.quietly(() => this.#beginAttempt(event));
    if (step === undefined) return await execute();
    try {
      return await step.with(execute);
    } catch (error) {
      this.#tm.quietly(() => {
        this.#work.take(attemptOf(callId))?.fail(error);
        this.#work.standFor(failedOf(callId), step);
      });
      throw error;
    }
  }

  /** The whole answer, also that of a stream. */
  onLanguageModelCallEnd(event: Answered): void {
    this.#tm.quietly(() => this.#endAttempt(event));
  }

  onObjectStepStart(event: Call & Model): void {
    this.#tm.quietly(() => this.#beginAttempt(event));
  }

  onObjectStepEnd(event: Answered): void {
    this.#tm.quietly(() => this.#endAttempt(event));
  }

  onToolExecutionStart({ callId, toolCall: { toolCallId, toolName, input } }: ToolCall): void {
    this.#tm.quietly(() => {
      const call = this.#work.get(callId);
      if (call !== undefined) this.#work.open(toolOf(callId, toolCallId), call.tool(toolName, { args: input }));
    });
  }

  async executeTool<Result>({
    callId,
    toolCallId,
    execute,
  }: Call & { readonly toolCallId: string; readonly execute: () => PromiseLike<Result> }): Promise<Result> {
    const step = this.#work.get(toolOf(callId, toolCallId));
    return await (step === undefined ? execute() : step.with(execute));
  }

  onToolExecutionEnd(event: ToolCall & { readonly toolOutput: { readonly type: string } }): void {
    this.#tm.quietly(() => {
      const step = this.#work.take(toolOf(event.callId, event.toolCall.toolCallId));
      if (event.toolOutput.type === 'tool-error') step?.fail(fieldOf(event.toolOutput, 'error'));
      else step?.end();
    });
  }

  /** One request of an embedding. */
  onEmbedEnd({ callId, modelId, usage }: Call & Model & { readonly usage: { readonly tokens: number } }): void {
    this.#tm.quietly(() =>
      this.#work.get(callId)?.usage({ calls: 1, model: modelId, in: Number.isNaN(usage.tokens) ? 0 : usage.tokens }),
    );
  }

  onEnd(event: object): void {
    this.#close(event, (handle) => handle.end());
  }

  onAbort(event: object): void {
    this.#close(event, (handle) => handle.cancel());
  }

  onError(event: unknown): void {
    const error = this.#tm.quietly(() => causeOf(fieldOf(event, 'error')));
    this.#close(event, (handle) => handle.fail(error));
  }

  #close(event: unknown, end: (handle: Handle) => void): void {
    this.#tm.quietly(() => {
      const callId = fieldOf(event, 'callId');
      if (typeof callId !== 'string') return;
      this.#work.take(failedOf(callId));
      for (const key of [attemptOf(callId), callId]) {
        const handle = this.#work.take(key);
        if (handle !== undefined) end(handle);
      }
    });
  }

  #beginAttempt(event: Call & Partial<Model>): Handle | undefined {
    const { callId } = event;
    const call = this.#work.get(callId);
    if (call === undefined) return undefined;
    // A stream that broke off is tried again without a word of its end.
    const broken = this.#work.take(attemptOf(callId));
    broken?.fail(new Error('the answer broke off'), { code: 'stream_broken' });
    const failed = broken ?? this.#work.get(failedOf(callId));
    const again = failed === undefined ? {} : { id: failed.id, attempt: (failed.place.attempt ?? 1) + 1 };
    const step = call.llm(event.modelId ?? 'model', { ...modelOf(event), ...again });
    return this.#work.open(attemptOf(callId), step);
  }

  #endAttempt({ callId, modelId, response, finishReason, usage }: Answered): void {
    this.#work.take(failedOf(callId));
    const step = this.#work.take(attemptOf(callId));
    step?.usage({ ...usageOf(usage), model: response?.modelId ?? modelId, finishReason });
    step?.end();
  }
}

const attemptOf = (callId: string): string => `${callId} attempt`;
const failedOf = (callId: string): string => `${callId} failed`;
const toolOf = (callId: string, toolCallId: string): string => `${callId} tool ${toolCallId}`;

function modelOf({ modelId, provider }: Partial<Model>): { readonly model?: string; readonly provider?: string } {
  return { ...(modelId === undefined ? {} : { model: modelId }), ...vendorOf(provider) };
}

/** All tokens are in the sums, cached and reasoned ones too. */
function usageOf(usage: unknown): Usage {
  const into = fieldOf(usage, 'inputTokenDetails');
  return {
    calls: 1,
    in: countOf(fieldOf(usage, 'inputTokens')),
    out: countOf(fieldOf(usage, 'outputTokens')),
    cacheRead: countOf(fieldOf(into, 'cacheReadTokens')),
    cacheWrite: countOf(fieldOf(into, 'cacheWriteTokens')),
    reasoning: countOf(fieldOf(fieldOf(usage, 'outputTokenDetails'), 'reasoningTokens')),
  };
}

/** After the last attempt `ai` throws another error, around the one that the step has failed with. */
function causeOf(error: unknown): unknown {
  return fieldOf(error, 'lastError') ?? error;
}
