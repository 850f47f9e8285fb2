import type { Handle } from '../record/handle.js';
import type { RunOptions } from '../record/options.js';
import type { Tidemark } from '../record/tidemark.js';
import { vendorOf } from './ai-model.js';
import { countOf, fieldOf, OpenWork, outermost, textOf } from './open-work.js';

/** What is read of the framework's events; nothing of it is needed, not even its types. */
interface Span {
  readonly id: string;
  readonly traceId: string;
  readonly parentSpanId?: string | undefined;
  readonly type: string;
  readonly name: string;
  readonly entityName?: string | undefined;
  readonly attributes?: object | undefined;
  readonly metadata?: object | undefined;
  readonly input?: unknown;
  readonly errorInfo?: { readonly message: string; readonly name?: string | undefined } | undefined;
}

interface Failure {
  readonly message: string;
  /** Nobody failed where it was aborted. */
  readonly category: 'model' | 'tool' | 'retrieval' | 'orchestration' | 'aborted';
}

/**
 * Mastra, `@mastra/core` 1: an exporter of its observability, beside others.
 *
 *     const exporters = [new TidemarkExporter(tm)];
 *     new Mastra({ observability: new Observability({ configs: { default: { serviceName, exporters } } }) });
 *
 * The outermost agent or workflow is a run, or a task where a handle is open already; agents inside are tasks of their
 * own, steps of workflows are tasks; each request to a model, each tool and each retrieval is a step. What is around
 * them has no meaning of its own. Threads are sessions, resources users. Prompts and answers are never looked at.
 */
export class TidemarkExporter {
  readonly name = 'tidemark';
  readonly #tm: Tidemark;
  readonly #options: RunOptions;
  /** Spans by their ids, and each trace by its own. */
  readonly #work = new OpenWork();
  /** How something inside a trace has failed last: an error comes as text to each span on its way. */
  readonly #failed = new Map<string, Failure>();

  /** `options` (agent, session, user, labels, …) are those of each run. */
  constructor(tm: Tidemark, options: RunOptions = {}) {
    this.#tm = tm;
    this.#options = options;
  }

  async exportTracingEvent({ type, exportedSpan }: { readonly type: string; readonly exportedSpan: Span }) {
    this.#tm.quietly(() => {
      if (type === 'span_started') this.#start(exportedSpan);
      if (type === 'span_ended') this.#end(exportedSpan);
    });
  }

  async flush(): Promise<void> {
    await this.#tm.flush();
  }

  async shutdown(): Promise<void> {
    await this.#tm.flush();
  }

  #start(span: Span): void {
    const { id, traceId, parentSpanId, type } = span;
    const parent = this.#work.get(parentSpanId) ?? this.#work.get(traceId);
    if (parent !== undefined) {
      const begun = begin(parent, span);
      if (begun === null) this.#work.standFor(id, parent);
      else this.#work.open(id, begun);
    } else if (type === 'agent_run' || type === 'workflow_run') {
      const told = { session: fieldOf(span.metadata, 'threadId'), user: fieldOf(span.metadata, 'resourceId') };
      const named = Object.fromEntries(Object.entries(told).filter(([, value]) => textOf(value) !== undefined));
      const root = outermost(this.#tm, nameOf(span), { ...named, ...this.#options });
      this.#work.open(id, root);
      this.#work.standFor(traceId, root);
    }
  }

  #end(span: Span): void {
    const { id, traceId, parentSpanId, type } = span;
    const failure = failureOf(span, this.#failed.get(traceId));
    if (failure !== undefined) this.#noteFailure(traceId, failure);
    else if (type === 'model_inference') this.#failed.delete(traceId);
    const handle = this.#work.take(id);
    if (handle !== undefined) endBy(handle, span, failure);
    if (parentSpanId !== undefined) return;
    this.#failed.delete(traceId);
    this.#work.take(traceId);
  }

  #noteFailure(traceId: string, failure: Failure): void {
    if (this.#failed.size >= failuresMax) this.#failed.delete(this.#failed.keys().next().value ?? '');
    this.#failed.set(traceId, failure);
  }
}

/** Traces whose failures are kept. */
const failuresMax = 10_000;

/** Null for what has no meaning of its own. */
function begin(around: Handle, span: Span): Handle | null {
  const name = nameOf(span);
  switch (span.type) {
    case 'agent_run':
      return around.task(name, { agent: name });
    case 'workflow_run':
    case 'workflow_step':
      return around.task(name);
    case 'model_inference': {
      const model = textOf(fieldOf(span.attributes, 'model'));
      const vendor = vendorOf(fieldOf(span.attributes, 'provider'));
      return around.llm(model ?? 'model', { ...(model === undefined ? {} : { model }), ...vendor });
    }
    case 'tool_call':
    case 'mcp_tool_call':
    case 'client_tool_call':
    case 'provider_tool_call':
      return around.tool(name, { args: span.input });
    case 'rag_vector_operation':
      return around.retrieval(name);
    default:
      return null;
  }
}

/** Names of spans are sentences, `workflow step: 'ask'`, and the entity of a step is its workflow. */
function nameOf({ type, entityName, name }: Span): string {
  const quoted = /'(.+)'/.exec(name)?.[1];
  return (type === 'workflow_step' ? quoted : textOf(entityName)) ?? quoted ?? name;
}

function tellUsage(handle: Handle, { attributes }: Span): void {
  const usage = fieldOf(attributes, 'usage');
  const into = fieldOf(usage, 'inputDetails');
  handle.usage({
    calls: 1,
    model: textOf(fieldOf(attributes, 'responseModel')),
    finishReason: textOf(fieldOf(attributes, 'finishReason')),
    in: countOf(fieldOf(usage, 'inputTokens')),
    out: countOf(fieldOf(usage, 'outputTokens')),
    cacheRead: countOf(fieldOf(into, 'cacheRead')),
    cacheWrite: countOf(fieldOf(into, 'cacheWrite')),
    reasoning: countOf(fieldOf(fieldOf(usage, 'outputDetails'), 'reasoning')),
  });
}

function endBy(handle: Handle, span: Span, failure: Failure | undefined): void {
  if (span.type === 'model_inference' && failure === undefined) tellUsage(handle, span);
  if (failure === undefined) handle.end();
  else if (failure.category === 'aborted') handle.cancel();
  else {
    const error = Object.assign(new Error(failure.message), { name: span.errorInfo?.name ?? 'Error' });
    handle.fail(error, { category: failure.category });
  }
}

/** Undefined when it did not fail. What a run fails with is mostly what something `inside` it has failed with. */
function failureOf({ type, errorInfo, attributes }: Span, inside: Failure | undefined): Failure | undefined {
  if (type === 'model_inference') {
    const reason = textOf(fieldOf(attributes, 'finishReason'));
    // What a model failed with is told of the agent alone.
    if (reason === 'error') return { message: errorInfo?.message ?? 'the model did not answer', category: 'model' };
    return reason === undefined ? { message: '', category: 'aborted' } : undefined;
  }
  if (errorInfo === undefined) return inside?.category === 'aborted' ? inside : undefined;
  const { message } = errorInfo;
  if (type.endsWith('tool_call')) return { message, category: 'tool' };
  if (type === 'rag_vector_operation') return { message, category: 'retrieval' };
  if (inside?.category === 'model' || (inside !== undefined && message.includes(inside.message))) {
    return { message, category: inside.category };
  }
  return { message, category: 'orchestration' };
}
