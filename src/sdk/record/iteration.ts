/** What is told of an iteration: each step of it is taken inside, and it ends once. */
export interface IterationWatch {
  inside<Result>(step: () => Result): Result;
  ended(): void;
  failed(error: unknown): void;
}

type AnyIterator = Iterator<unknown> | AsyncIterator<unknown>;
type Step = IteratorResult<unknown> | Promise<IteratorResult<unknown>>;
type Method = 'next' | 'return' | 'throw';

/**
 * For a generator, a generator that tells; for another asynchronous iterable, such as the stream of a model's answer,
 * the same object, whose iteration tells. Null for anything else.
 */
export function followIteration<Value extends object>(value: Value, watch: IterationWatch): Value | null {
  const tag = (value as { readonly [Symbol.toStringTag]?: unknown })[Symbol.toStringTag];
  if (tag === 'Generator' || tag === 'AsyncGenerator') return follow(value as unknown as AnyIterator, watch) as Value;
  const iterate = (value as { readonly [Symbol.asyncIterator]?: unknown })[Symbol.asyncIterator];
  if (typeof iterate !== 'function' || !Object.isExtensible(value)) return null;
  Object.defineProperty(value, Symbol.asyncIterator, {
    configurable: true,
    value: () => {
      const outer = follow(iterate.call(value) as AnyIterator, watch);
      return Object.defineProperty(outer, Symbol.asyncIterator, { value: () => outer });
    },
  });
  return value;
}

/** Of the same kind as `inner`, synchronous or not, with what its prototype adds to an iterator. */
function follow(inner: AnyIterator, watch: IterationWatch): object {
  let isOver = false;
  const look = (step: IteratorResult<unknown>): IteratorResult<unknown> => {
    if (step.done && !isOver) {
      isOver = true;
      watch.ended();
    }
    return step;
  };
  const fail = (error: unknown): never => {
    if (!isOver) {
      isOver = true;
      watch.failed(error);
    }
    throw error;
  };
  const call = (method: Method) => ({
    value: (sent: unknown) => {
      try {
        const step = watch.inside(() => (inner[method] as ((value: unknown) => Step) | undefined)?.call(inner, sent));
        if (step !== undefined) return 'then' in step ? Promise.resolve(step).then(look, fail) : look(step);
      } catch (error) {
        return fail(error);
      }
      // What is iterated need not know how to stop.
      return method === 'throw' ? fail(sent) : look({ done: true, value: sent });
    },
  });
  const own = { next: call('next'), return: call('return'), throw: call('throw') };
  return Object.create(Object.getPrototypeOf(inner) as object | null, own) as object;
}
