import type { Handle } from '../record/handle.js';
import type { Usage } from '../record/options.js';
import type { Tidemark } from '../record/tidemark.js';
import { countOf, fieldOf, OpenWork, textOf } from './open-work.js';

/** Decides nothing. */
export type Hook = (input: { readonly hook_event_name: string }) => Promise<Record<string, never>>;

/** Counts as the vendor has them: cached tokens beside those of the input. */
interface Counts {
  readonly input: number;
  readonly output: number;
  readonly cacheRead: number;
  readonly cacheWrite: number;
}

const nothing: Counts = { input: 0, output: 0, cacheRead: 0, cacheWrite: 0 };

/** How a query came out, as its last result has it. */
interface Outcome {
  readonly error: Error | null;
  readonly category: 'model' | 'orchestration';
}

interface Message {
  readonly type: string;
}

/** What comes only to those who asked for partial messages, or for the answers of subagents. */
export type MessageKind = 'whole' | 'partial' | 'subagent';

/**
 * One query: what its messages and hooks say, made into a run with its tasks and steps. It begins when its session says
 * who it is, which is at once, and ends with its messages.
 */
export class QueryRecord {
  readonly #tm: Tidemark;
  readonly #begin: (session: string | undefined) => Handle;
  #run: Handle | null = null;
  /** Tools by the id of their use, and subagents by theirs, also after their end. */
  readonly #work = new OpenWork();
  /** The attempt at a model that is under way, of the agent itself. */
  #attempt: Handle | null = null;
  /** Of the answer that is coming in. */
  #answer: {
    counts: Counts;
    reasoning: number | undefined;
    model: string | undefined;
    reason: string | undefined;
  } | null = null;
  #model = 'model';
  /** Ids of answers of subagents: each part of an answer is a message with the usage of all. */
  readonly #seen = new Set<string>();
  /** Subagents that are waited for, by the use of the tool that began them: what they write is not sent by itself. */
  readonly #awaited = new Set<unknown>();
  #counted: Counts = nothing;
  #costMicros = 0;
  #outcome: Outcome | null = null;
  #hasEnded = false;

  constructor(tm: Tidemark, begin: (session: string | undefined) => Handle) {
    this.#tm = tm;
    this.#begin = begin;
  }

  readonly hook: Hook = async (input) => {
    this.#tm.quietly(() => this.#hear(input));
    return {};
  };

  told(message: Message): MessageKind {
    this.#tm.quietly(() => this.#read(message));
    return this.#tm.quietly(() => this.#kindOf(message)) ?? 'whole';
  }

  /** Without a result it was left, and nobody failed. */
  ended(): void {
    const outcome = this.#outcome;
    this.#close((handle) => {
      if (outcome === null) handle.cancel();
      else if (outcome.error === null) handle.end();
      else handle.fail(outcome.error, { category: outcome.category });
    });
  }

  /** The package also throws after a result that is an error, which says more. */
  failed(error: unknown, { isAborted }: { readonly isAborted: boolean }): void {
    const outcome = this.#outcome;
    if (isAborted) this.#close((handle) => handle.cancel());
    else if (outcome === null || outcome.error === null) this.#close((handle) => handle.fail(error));
    else this.#close(failWith(outcome.error, outcome.category));
  }

  #start(session: unknown): Handle {
    this.#run ??= this.#begin(textOf(session));
    return this.#run;
  }

  #close(end: (handle: Handle) => void): void {
    this.#tm.quietly(() => {
      if (this.#hasEnded) return;
      const run = this.#start(undefined);
      this.#hasEnded = true;
      for (const handle of [this.#attempt, ...this.#work.takeAll(), run]) if (handle !== null) end(handle);
    });
  }

  #hear(input: unknown): void {
    if (this.#hasEnded) return;
    const run = this.#start(fieldOf(input, 'session_id'));
    const agent = `agent ${String(fieldOf(input, 'agent_id'))}`;
    const tool = `tool ${String(fieldOf(input, 'tool_use_id'))}`;
    switch (fieldOf(input, 'hook_event_name')) {
      case 'PreToolUse': {
        const name = textOf(fieldOf(input, 'tool_name')) ?? 'tool';
        const inside = this.#work.get(agent) ?? run;
        this.#work.open(tool, inside.tool(name, { args: fieldOf(input, 'tool_input') }));
        return;
      }
      case 'PostToolUse':
        this.#work.take(tool)?.end();
        return;
      case 'PostToolUseFailure':
        if (fieldOf(input, 'is_interrupt') === true) this.#work.take(tool)?.cancel();
        else this.#work.take(tool)?.fail(new Error(textOf(fieldOf(input, 'error')) ?? 'the tool failed'));
        return;
      case 'SubagentStart': {
        const name = textOf(fieldOf(input, 'agent_type')) ?? 'subagent';
        this.#work.open(agent, run.task(name, { agent: name }));
        return;
      }
      case 'SubagentStop':
        this.#endAgent(agent);
    }
  }

  /** Its last answers may be read later than its end is heard of. */
  #endAgent(key: string): void {
    const task = this.#work.take(key);
    if (task === undefined) return;
    task.end();
    this.#work.standFor(key, task);
  }

  #read(message: Message): void {
    if (this.#hasEnded) return;
    const run = this.#start(fieldOf(message, 'session_id'));
    const isSubagent = typeof fieldOf(message, 'parent_tool_use_id') === 'string';
    if (message.type === 'system') this.#readSystem(run, message);
    else if (message.type === 'stream_event' && !isSubagent) this.#readEvent(run, fieldOf(message, 'event'));
    else if (message.type === 'assistant' && isSubagent) this.#readSubagent(run, message);
    else if (message.type === 'user') this.#readToolResults(message);
    else if (message.type === 'result') this.#readResult(run, message);
  }

  #kindOf(message: Message): MessageKind {
    if (message.type === 'stream_event') return 'partial';
    if (message.type !== 'assistant' || !this.#awaited.has(fieldOf(message, 'parent_tool_use_id'))) return 'whole';
    const content = fieldOf(fieldOf(message, 'message'), 'content');
    const usesTool = Array.isArray(content) && content.some((block) => fieldOf(block, 'type') === 'tool_use');
    return usesTool ? 'whole' : 'subagent';
  }

  #readSystem(run: Handle, message: Message): void {
    const subtype = fieldOf(message, 'subtype');
    const isAwaited = subtype === 'task_started' && fieldOf(message, 'is_backgrounded') === false;
    if (isAwaited) this.#awaited.add(fieldOf(message, 'tool_use_id'));
    if (subtype === 'init') this.#model = textOf(fieldOf(message, 'model')) ?? this.#model;
    if (subtype === 'status' && fieldOf(message, 'status') === 'requesting') this.#beginAttempt(run);
    if (subtype !== 'api_retry') return;
    const failed = this.#beginAttempt(run);
    const error = textOf(fieldOf(message, 'error')) ?? 'unknown';
    failed.fail(new Error(`the model did not answer: ${error}`), { code: String(fieldOf(message, 'error_status')) });
    const again = { id: failed.id, attempt: (failed.place.attempt ?? 1) + 1 };
    this.#attempt = run.llm(this.#model, { model: this.#model, ...again });
  }

  #beginAttempt(run: Handle): Handle {
    this.#attempt ??= run.llm(this.#model, { model: this.#model });
    return this.#attempt;
  }

  #readEvent(run: Handle, event: unknown): void {
    const type = fieldOf(event, 'type');
    if (type === 'message_start') {
      this.#beginAttempt(run);
      const message = fieldOf(event, 'message');
      const counts = countsOf(fieldOf(message, 'usage'), nothing);
      this.#answer = { counts, reasoning: undefined, model: textOf(fieldOf(message, 'model')), reason: undefined };
    }
    const answer = this.#answer;
    if (answer === null) return;
    if (type === 'message_delta') {
      const usage = fieldOf(event, 'usage');
      answer.counts = countsOf(usage, answer.counts);
      answer.reasoning = countOf(fieldOf(fieldOf(usage, 'output_tokens_details'), 'thinking_tokens'));
      answer.reason = textOf(fieldOf(fieldOf(event, 'delta'), 'stop_reason'));
    }
    if (type !== 'message_stop') return;
    const { counts, reasoning, model, reason } = answer;
    this.#attempt?.usage({ ...usageOf(counts), reasoning, model, calls: 1, finishReason: reason });
    this.#attempt?.end();
    this.#count(counts);
    this.#attempt = null;
    this.#answer = null;
  }

  /** Of an answer, how long it is comes with the result alone. */
  #readSubagent(run: Handle, message: Message): void {
    const answer = fieldOf(message, 'message');
    const id = textOf(fieldOf(answer, 'id'));
    if (id === undefined || this.#seen.has(id)) return;
    this.#seen.add(id);
    const model = textOf(fieldOf(answer, 'model')) ?? this.#model;
    const inside = this.#work.get(`agent ${String(fieldOf(message, 'agent_id'))}`) ?? run;
    const counts = { ...countsOf(fieldOf(answer, 'usage'), nothing), output: 0 };
    const step = inside.llm(model, { model });
    step.usage({ ...usageOf(counts), out: undefined, calls: 1 });
    step.end();
    this.#count(counts);
  }

  /** A tool that was not allowed has no end of its own. */
  #readToolResults(message: Message): void {
    const content = fieldOf(fieldOf(message, 'message'), 'content');
    for (const block of Array.isArray(content) ? content : []) {
      const step = this.#work.take(`tool ${String(fieldOf(block, 'tool_use_id'))}`);
      if (fieldOf(block, 'is_error') === true) step?.fail(new Error('the tool was not run'), { code: 'tool_not_run' });
      else step?.end();
    }
  }

  #readResult(run: Handle, result: Message): void {
    this.#outcome = outcomeOf(result);
    const { error = null, category = 'model' } = this.#outcome ?? {};
    if (this.#attempt !== null && error !== null) failWith(error, category)(this.#attempt);
    if (error !== null) this.#attempt = null;
    const models = Object.values(fieldOf(result, 'modelUsage') ?? {});
    const sum = (name: string): number =>
      models.reduce((total, usage) => total + (countOf(fieldOf(usage, name)) ?? 0), 0);
    const { input, output, cacheRead, cacheWrite } = this.#counted;
    const rest: Counts = {
      input: Math.max(0, sum('inputTokens') - input),
      output: Math.max(0, sum('outputTokens') - output),
      cacheRead: Math.max(0, sum('cacheReadInputTokens') - cacheRead),
      cacheWrite: Math.max(0, sum('cacheCreationInputTokens') - cacheWrite),
    };
    if (Object.values(rest).some((count) => count > 0)) run.usage({ ...usageOf(rest), calls: 0 });
    this.#count(rest);
    // A sum since the begin of the query, as the counts are.
    const costMicros = Math.round((countOf(fieldOf(result, 'total_cost_usd')) ?? 0) * 1_000_000);
    if (costMicros > this.#costMicros) run.usage({ costMicros: costMicros - this.#costMicros });
    this.#costMicros = Math.max(costMicros, this.#costMicros);
  }

  #count(more: Counts): void {
    const { input, output, cacheRead, cacheWrite } = this.#counted;
    this.#counted = {
      input: input + more.input,
      output: output + more.output,
      cacheRead: cacheRead + more.cacheRead,
      cacheWrite: cacheWrite + more.cacheWrite,
    };
  }
}

/** What it does not say is as before. */
function countsOf(usage: unknown, before: Counts): Counts {
  return {
    input: countOf(fieldOf(usage, 'input_tokens')) ?? before.input,
    output: countOf(fieldOf(usage, 'output_tokens')) ?? before.output,
    cacheRead: countOf(fieldOf(usage, 'cache_read_input_tokens')) ?? before.cacheRead,
    cacheWrite: countOf(fieldOf(usage, 'cache_creation_input_tokens')) ?? before.cacheWrite,
  };
}

function usageOf({ input, output, cacheRead, cacheWrite }: Counts): Usage {
  return { in: input + cacheRead + cacheWrite, out: output, cacheRead, cacheWrite };
}

/** Null when it was interrupted. Texts of results are answers, which are not looked at. */
function outcomeOf(result: Message): Outcome | null {
  const subtype = textOf(fieldOf(result, 'subtype')) ?? 'unknown';
  const reason = textOf(fieldOf(result, 'terminal_reason')) ?? subtype;
  if (reason.startsWith('aborted')) return null;
  if (subtype === 'success' && fieldOf(result, 'is_error') !== true) return { error: null, category: 'model' };
  const code = subtype === 'success' ? reason : subtype;
  const status = fieldOf(result, 'api_error_status');
  const text = typeof status === 'number' ? `the model answered ${status}` : `the query ended: ${reason}`;
  const category = /^(api|model)_error$/.test(reason) || typeof status === 'number' ? 'model' : 'orchestration';
  return { error: Object.assign(new Error(text), { code }), category };
}

function failWith(error: Error, category: Outcome['category']): (handle: Handle) => void {
  return (handle) => handle.fail(error, { category });
}
