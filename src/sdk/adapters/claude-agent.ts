import type { Handle } from '../record/handle.js';
import type { RunOptions } from '../record/options.js';
import type { Tidemark } from '../record/tidemark.js';
import { around, fieldOf } from './open-work.js';
import { type Hook, QueryRecord } from './query-record.js';

/** What is read of the package's `query`; nothing of it is needed, not even its types. */
type Query = AsyncGenerator<{ readonly type: string }, void>;

interface Asked {
  readonly options?: object;
}

export interface QueryOptions extends RunOptions {
  /** Of the runs. */
  readonly name?: string;
}

const hookNames = ['PreToolUse', 'PostToolUse', 'PostToolUseFailure', 'SubagentStart', 'SubagentStop'] as const;

/**
 * The Claude Agent SDK, `@anthropic-ai/claude-agent-sdk`: the same `query`, told each time it is called.
 *
 *     import { query } from '@anthropic-ai/claude-agent-sdk';
 *     const observed = observeQuery(tm, query);
 *     for await (const message of observed({ prompt, options })) …
 *
 * A query is a run of its session, or a task where a handle is open already; what a subagent does is a task of that
 * agent; each attempt at a model and each tool is a step. What is used beside them, by the session's own helpers or as
 * subagents' answers, is known from the results and told of the query itself, and so is the cost that they estimate.
 *
 * It reads the messages as they are taken, and adds hooks that decide nothing to those that are there. For what each
 * answer used it asks for partial messages and those of subagents; who has not asked for them does not see them.
 */
export function observeQuery<Params extends Asked, Told extends Query>(
  tm: Tidemark,
  query: (params: Params) => Told,
  { name = 'query', ...options }: QueryOptions = {},
): (params: Params) => Told {
  return (params) => {
    const outer = around(tm);
    const begin = (session: string | undefined): Handle => {
      const told = session === undefined ? options : { session, ...options };
      return outer === null ? tm.run(name, told) : outer.task(name, told);
    };
    const record = new QueryRecord(tm, begin);
    const asked = tm.quietly(() => withHooks(params, record.hook));
    if (asked === undefined) return query(params);
    return follow(query(asked), record, {
      partial: fieldOf(params.options, 'includePartialMessages') === true,
      subagents: fieldOf(params.options, 'forwardSubagentText') === true,
      signal: fieldOf(fieldOf(params.options, 'abortController'), 'signal'),
    });
  };
}

function withHooks<Params extends Asked>(params: Params, hook: Hook): Params {
  const given = (fieldOf(params.options, 'hooks') ?? {}) as Readonly<Record<string, readonly unknown[] | undefined>>;
  const ours = hookNames.map((name) => [name, [...(given[name] ?? []), { hooks: [hook] }]] as const);
  const hooks = { ...given, ...Object.fromEntries(ours) };
  const told = { includePartialMessages: true, forwardSubagentText: true, hooks };
  return { ...params, options: { ...params.options, ...told } };
}

/** What the caller has asked for. */
interface Wanted {
  readonly partial: boolean;
  readonly subagents: boolean;
  readonly signal: unknown;
}

/** The same query, with its control methods; whatever iterates it is told. */
function follow<Told extends Query>(query: Told, record: QueryRecord, { partial, subagents, signal }: Wanted): Told {
  const next = async (...sent: [] | [unknown]): Promise<IteratorResult<{ readonly type: string }, void>> => {
    for (;;) {
      let step: IteratorResult<{ readonly type: string }, void>;
      try {
        step = await query.next(...sent);
      } catch (error) {
        record.failed(error, { isAborted: fieldOf(signal, 'aborted') === true });
        throw error;
      }
      if (step.done === true) {
        record.ended();
        return step;
      }
      const kind = record.told(step.value);
      if (kind === 'whole' || (kind === 'partial' ? partial : subagents)) return step;
    }
  };
  const own = {
    next,
    // Whoever iterated has enough, or throws: the query ends there.
    return: async (value: undefined) => {
      record.ended();
      return await query.return(value);
    },
    throw: async (error: unknown) => {
      record.failed(error, { isAborted: false });
      return await query.throw(error);
    },
    [Symbol.asyncIterator]: () => observed,
  };
  const observed: Told = new Proxy(query, {
    get(target, name) {
      if (Object.hasOwn(own, name)) return own[name as keyof typeof own];
      const value: unknown = Reflect.get(target, name, target);
      return typeof value === 'function' ? value.bind(target) : value;
    },
  });
  return observed;
}
