import type { Handle } from '../record/handle.js';
import type { RunOptions, Usage } from '../record/options.js';
import type { Tidemark } from '../record/tidemark.js';
import { countOf, fieldOf, OpenWork, outermost, textOf } from './open-work.js';

/** What is read of the package's traces and spans; nothing of it is needed, not even its types. */
interface Trace {
  readonly traceId: string;
  readonly name: string;
  readonly groupId?: string | null;
}

interface Span {
  readonly traceId: string;
  readonly spanId: string;
  readonly parentId: string | null;
  readonly spanData: { readonly type: string };
  readonly error: { readonly message: string; readonly data?: unknown } | null;
}

/** Of a span that failed: spans tell of an error as text. */
interface Failure {
  readonly error: Error;
  readonly category: 'model' | 'tool' | 'guardrail' | 'orchestration';
}

/** What is kept of traces and turns that are under way, of each kind. */
const notesMax = 10_000;

/**
 * OpenAI Agents, `@openai/agents`: a tracing processor, beside those that are there.
 *
 *     import { addTraceProcessor } from '@openai/agents';
 *     addTraceProcessor(new TidemarkProcessor(tm));
 *
 * A trace is a run (a task where a handle is open already), its group the session; what an agent does is a task of that
 * agent; generations, functions, handoffs and guardrails are steps. Inputs and outputs of models are never looked at.
 * The same agent in Python gives the same tree.
 */
export class TidemarkProcessor {
  readonly #tm: Tidemark;
  readonly #options: RunOptions;
  /** Traces and spans, by their ids. */
  readonly #work = new OpenWork();
  /** What the models of a turn have told that they used, by the id of its span. */
  readonly #told = new Map<string, Usage>();
  /** How the last model, tool or guardrail of a trace has failed, by the id of the trace. */
  readonly #failed = new Map<string, Failure>();

  /** `options` (session, user, labels, …) are those of each run. */
  constructor(tm: Tidemark, options: RunOptions = {}) {
    this.#tm = tm;
    this.#options = options;
  }

  async onTraceStart({ traceId, name, groupId }: Trace): Promise<void> {
    this.#tm.quietly(() => {
      const session = textOf(groupId);
      const options = { ...(session === undefined ? {} : { session }), ...this.#options };
      this.#work.open(traceId, outermost(this.#tm, name, options));
    });
  }

  async onTraceEnd({ traceId }: Trace): Promise<void> {
    this.#tm.quietly(() => {
      this.#failed.delete(traceId);
      this.#work.take(traceId)?.end();
    });
  }

  async onSpanStart({ traceId, spanId, parentId, spanData }: Span): Promise<void> {
    this.#tm.quietly(() => {
      const around = this.#work.get(parentId ?? undefined) ?? this.#work.get(traceId);
      if (around === undefined) return;
      const begun = begin(around, spanData);
      if (begun === null) this.#work.standFor(spanId, around);
      else this.#work.open(spanId, begun);
    });
  }

  async onSpanEnd(span: Span): Promise<void> {
    this.#tm.quietly(() => {
      const { traceId, spanId, parentId, spanData } = span;
      const isAgent = spanData.type === 'agent' || spanData.type === 'task';
      const failure = failureOf(spanData, span.error, this.#failed.get(traceId));
      if (failure !== undefined && !isAgent && spanData.type !== 'turn') keep(this.#failed, traceId, failure);
      if (spanData.type === 'turn') this.#endTurn(span);
      const handle = this.#work.take(spanId);
      if (handle !== undefined) this.#endSpan(handle, span, failure);
      if (failure !== undefined && isAgent && parentId === null) this.#failTrace(traceId, failure);
    });
  }

  async forceFlush(): Promise<void> {
    await this.#tm.flush();
  }

  async shutdown(timeoutMs?: number): Promise<void> {
    await this.#tm.flush(timeoutMs === undefined ? {} : { timeoutMs });
  }

  #endSpan(handle: Handle, { parentId, spanData }: Span, failure: Failure | undefined): void {
    if (spanData.type === 'generation' || spanData.type === 'response') {
      const usage = usageOf(spanData);
      // What failed before it used anything is no model call.
      if (failure === undefined || usage.in !== undefined) {
        handle.usage(usage);
        this.#noteUsage(parentId, usage);
      }
    }
    // What a function is called with is known after its span has begun; empty where data is not to be traced.
    const input = textOf(fieldOf(spanData, 'input'));
    if (spanData.type === 'function' && input !== undefined) handle.args(input);
    endBy(handle, failure);
  }

  /** The package does not end a trace whose function throws: it ends with its outermost agent. */
  #failTrace(traceId: string, failure: Failure): void {
    const handle = this.#work.take(traceId);
    this.#failed.delete(traceId);
    if (handle === undefined) return;
    endBy(handle, failure);
    // Whoever catches the error may go on in it.
    this.#work.standFor(traceId, handle);
  }

  #noteUsage(turn: string | null, usage: Usage): void {
    if (turn === null || this.#work.get(turn) === undefined) return;
    const before = this.#told.get(turn) ?? {};
    const sum = (name: 'calls' | 'in' | 'out' | 'cacheRead') => (before[name] ?? 0) + (usage[name] ?? 0);
    keep(this.#told, turn, { calls: sum('calls'), in: sum('in'), out: sum('out'), cacheRead: sum('cacheRead') });
  }

  /**
   * A turn has the sum of its models, also of those that do not tell theirs, because their data is not to be traced or
   * because they have no span: the rest is told of the agent.
   */
  #endTurn({ spanId, spanData }: Span): void {
    const told = this.#told.get(spanId);
    this.#told.delete(spanId);
    const usage = fieldOf(spanData, 'usage');
    const rest = (name: string, known: number | undefined): number =>
      Math.max(0, (countOf(fieldOf(usage, name)) ?? 0) - (known ?? 0));
    const left = {
      in: rest('input_tokens', told?.in),
      out: rest('output_tokens', told?.out),
      cacheRead: rest('cached_input_tokens', told?.cacheRead),
      calls: told === undefined ? 1 : 0,
    };
    if (left.in > 0 || left.out > 0) this.#work.get(spanId)?.usage(left);
  }
}

/** Of traces and turns that never end, the oldest are forgotten. */
function keep<Value>(notes: Map<string, Value>, key: string, value: Value): void {
  if (notes.size >= notesMax) notes.delete(notes.keys().next().value ?? '');
  notes.set(key, value);
}

/** Null for spans without a meaning of their own, such as turns. */
function begin(around: Handle, data: Span['spanData']): Handle | null {
  const name = textOf(fieldOf(data, 'name')) ?? data.type;
  switch (data.type) {
    case 'agent':
      return around.task(name, { agent: name });
    case 'generation':
    case 'response':
      return around.llm(textOf(fieldOf(data, 'model')) ?? data.type);
    case 'function':
      return around.tool(name);
    case 'handoff':
      return around.step(textOf(fieldOf(data, 'from_agent')) ?? data.type, { kind: 'handoff' });
    case 'guardrail':
    case 'custom':
      return around.step(name, { kind: 'other' });
    default:
      return null;
  }
}

const categories: Readonly<Record<string, Failure['category']>> = {
  generation: 'model',
  response: 'model',
  function: 'tool',
};

/** Undefined when it did not fail. What an agent fails with is mostly what something `inside` it has failed with. */
function failureOf(data: Span['spanData'], error: Span['error'], inside: Failure | undefined): Failure | undefined {
  if (fieldOf(data, 'triggered') === true) {
    const text = `guardrail ${String(fieldOf(data, 'name'))} was triggered`;
    return { error: failed(text, 'guardrail_triggered'), category: 'guardrail' };
  }
  if (error === null) return undefined;
  const text = textOf(fieldOf(error.data, 'error')) ?? error.message;
  if (/^AbortError\b/.test(text)) return { error: new DOMException(text, 'AbortError'), category: 'orchestration' };
  const isSame = inside !== undefined && (text.includes(inside.error.message) || /GuardrailTripwire/.test(text));
  const category = categories[data.type] ?? (isSame ? inside.category : 'orchestration');
  return { error: failed(text, 'span_error'), category };
}

function failed(text: string, code: string): Error {
  return Object.assign(new Error(text), { code });
}

function endBy(handle: Handle | undefined, failure: Failure | undefined): void {
  if (failure === undefined) handle?.end();
  else handle?.fail(failure.error, { category: failure.category });
}

/** A response tells its usage, a generation that of a completion in its output, or one that its model put there. */
function usageOf(data: unknown): Usage {
  const outputs = fieldOf(data, 'output');
  const answer = fieldOf(data, '_response') ?? (Array.isArray(outputs) ? outputs[0] : undefined);
  const usage = fieldOf(answer, 'usage') ?? fieldOf(data, 'usage');
  const [into, out] = [fieldOf(usage, 'input_tokens'), fieldOf(usage, 'output_tokens')];
  const cached = fieldOf(usage, 'input_tokens_details') ?? fieldOf(usage, 'prompt_tokens_details');
  const reasoned = fieldOf(usage, 'output_tokens_details') ?? fieldOf(usage, 'completion_tokens_details');
  return {
    calls: 1,
    model: textOf(fieldOf(answer, 'model')) ?? textOf(fieldOf(data, 'model')),
    in: countOf(into ?? fieldOf(usage, 'prompt_tokens')),
    out: countOf(out ?? fieldOf(usage, 'completion_tokens')),
    cacheRead: countOf(fieldOf(cached, 'cached_tokens')),
    reasoning: countOf(fieldOf(reasoned, 'reasoning_tokens')),
  };
}
