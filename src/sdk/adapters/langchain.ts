import type { Handle } from '../record/handle.js';
import type { RunOptions, StepOptions, Usage } from '../record/options.js';
import type { Tidemark } from '../record/tidemark.js';
import { argsOf, around, countOf, fieldOf, OpenWork, outermost, textOf } from './open-work.js';

type Metadata = Readonly<Record<string, unknown>>;

/**
 * LangChain.js and LangGraph.js, `@langchain/core` 1: a callback handler.
 *
 *     await graph.invoke(state, { callbacks: [new TidemarkCallback(tm)] });
 *
 * The outermost chain or graph is a run, or a task where a handle is open already; each node of a graph is a task;
 * models, tools and retrievers are steps of what they are called in. Chains in between have no meaning of their own and
 * are left out. Prompts and answers are never looked at. The same agent in Python gives the same tree.
 *
 * Arguments are in the order of the calls, which is not everywhere that of the package's types.
 */
export class TidemarkCallback {
  /** With a name the handler is taken as it is. */
  readonly name = 'tidemark';
  /** In the order, and in the context, of what is told of; nothing here waits. */
  readonly awaitHandlers = true;
  readonly raiseError = false;
  readonly #tm: Tidemark;
  readonly #options: RunOptions;
  readonly #work = new OpenWork();

  /** May be shared by all calls of a process. `options` (agent, session, user, labels, …) are those of each run. */
  constructor(tm: Tidemark, options: RunOptions = {}) {
    this.#tm = tm;
    this.#options = options;
  }

  handleChainStart(
    chain: unknown,
    _inputs: unknown,
    runId: string,
    parentRunId?: string,
    tags?: readonly string[],
    metadata?: Metadata,
    _runType?: string,
    runName?: string,
  ): void {
    this.#tm.quietly(() => {
      const name = nameOf(chain, runName, 'chain');
      const parent = this.#work.get(parentRunId);
      const isNode = name === metadata?.langgraph_node && tags?.includes('langsmith:hidden') !== true;
      if (parent === undefined) this.#work.open(runId, outermost(this.#tm, name, this.#options));
      else if (isNode) this.#work.open(runId, parent.task(name));
      else this.#work.standFor(runId, parent);
    });
  }

  handleChainEnd(_outputs: unknown, runId: string): void {
    this.#end(runId);
  }

  handleChainError(error: unknown, runId: string): void {
    this.#fail(runId, error);
  }

  handleChatModelStart(
    model: unknown,
    _messages: unknown,
    runId: string,
    parentRunId?: string,
    _extraParams?: unknown,
    _tags?: unknown,
    metadata?: Metadata,
    runName?: string,
  ): void {
    this.#tm.quietly(() => {
      const name = nameOf(model, runName, 'model');
      const told = { model: textOf(metadata?.ls_model_name), provider: textOf(metadata?.ls_provider) };
      const options = Object.fromEntries(Object.entries(told).filter(([, value]) => value !== undefined));
      this.#work.open(runId, this.#inside(parentRunId).llm(name, options as StepOptions));
    });
  }

  handleLLMStart(
    model: unknown,
    prompts: unknown,
    runId: string,
    parentRunId?: string,
    extraParams?: unknown,
    tags?: unknown,
    metadata?: Metadata,
    runName?: string,
  ): void {
    this.handleChatModelStart(model, prompts, runId, parentRunId, extraParams, tags, metadata, runName);
  }

  handleLLMEnd(output: unknown, runId: string): void {
    this.#tm.quietly(() => this.#work.own(runId)?.usage(usageOf(output)));
    this.#end(runId);
  }

  handleLLMError(error: unknown, runId: string): void {
    this.#fail(runId, error);
  }

  handleToolStart(
    tool: unknown,
    input: string,
    runId: string,
    parentRunId?: string,
    _tags?: unknown,
    _metadata?: unknown,
    runName?: string,
  ): void {
    this.#tm.quietly(() => {
      const step = this.#inside(parentRunId).tool(nameOf(tool, runName, 'tool'), { args: argsOf(input) });
      this.#work.open(runId, step);
    });
  }

  handleToolEnd(_output: unknown, runId: string): void {
    this.#end(runId);
  }

  handleToolError(error: unknown, runId: string): void {
    this.#fail(runId, error);
  }

  handleRetrieverStart(
    retriever: unknown,
    query: string,
    runId: string,
    parentRunId?: string,
    _tags?: unknown,
    _metadata?: unknown,
    runName?: string,
  ): void {
    this.#tm.quietly(() => {
      const step = this.#inside(parentRunId).retrieval(nameOf(retriever, runName, 'retriever'), { args: query });
      this.#work.open(runId, step);
    });
  }

  handleRetrieverEnd(documents: readonly unknown[], runId: string): void {
    this.#tm.quietly(() => this.#work.own(runId)?.output({ documents: documents.length }));
    this.#end(runId);
  }

  handleRetrieverError(error: unknown, runId: string): void {
    this.#fail(runId, error);
  }

  /** What has the words: the work around, else the innermost handle around the caller, else the client. */
  #inside(parentRunId: string | undefined): Handle | Tidemark {
    return this.#work.get(parentRunId) ?? around(this.#tm) ?? this.#tm;
  }

  #end(runId: string): void {
    this.#tm.quietly(() => this.#work.take(runId)?.end());
  }

  #fail(runId: string, error: unknown): void {
    this.#tm.quietly(() => {
      const handle = this.#work.take(runId);
      // A graph that asks a person has not failed.
      if (fieldOf(error, 'name') === 'GraphInterrupt') handle?.cancel();
      else handle?.fail(error);
    });
  }
}

function nameOf(serialized: unknown, runName: string | undefined, otherwise: string): string {
  const id = fieldOf(serialized, 'id');
  return textOf(runName) ?? textOf(fieldOf(serialized, 'name')) ?? String(Array.isArray(id) ? id.at(-1) : otherwise);
}

/** Of all generations of a call, told alike for every vendor; cached tokens are part of the input. */
function usageOf(output: unknown): Usage {
  const counts: { -readonly [Name in keyof Usage]: Usage[Name] } = { calls: 1 };
  const add = (name: 'in' | 'out' | 'cacheRead' | 'cacheWrite' | 'reasoning', value: unknown): void => {
    const count = countOf(value);
    if (count !== undefined) counts[name] = (counts[name] ?? 0) + count;
  };
  for (const message of messagesOf(output)) {
    const usage = fieldOf(message, 'usage_metadata');
    add('in', fieldOf(usage, 'input_tokens'));
    add('out', fieldOf(usage, 'output_tokens'));
    add('cacheRead', fieldOf(fieldOf(usage, 'input_token_details'), 'cache_read'));
    add('cacheWrite', fieldOf(fieldOf(usage, 'input_token_details'), 'cache_creation'));
    add('reasoning', fieldOf(fieldOf(usage, 'output_token_details'), 'reasoning'));
    const said = fieldOf(message, 'response_metadata');
    counts.finishReason = textOf(fieldOf(said, 'finish_reason')) ?? textOf(fieldOf(said, 'stop_reason'));
    counts.model = textOf(fieldOf(said, 'model_name')) ?? textOf(fieldOf(said, 'model'));
  }
  if (counts.in === undefined && counts.out === undefined) {
    // Models of completions tell theirs of the whole call.
    const usage = fieldOf(fieldOf(output, 'llmOutput'), 'tokenUsage');
    add('in', fieldOf(usage, 'promptTokens'));
    add('out', fieldOf(usage, 'completionTokens'));
  }
  return counts;
}

function messagesOf(output: unknown): unknown[] {
  const generations = fieldOf(output, 'generations');
  return (Array.isArray(generations) ? generations.flat() : []).map((generation) => fieldOf(generation, 'message'));
}
