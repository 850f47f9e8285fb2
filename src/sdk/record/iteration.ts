/** What is told of an iteration: each step of it is taken inside, and it ends once. */
export interface IterationWatch {
  inside<Result>(step: () => Result): Result;
  ended(): void;
  failed(error: unknown): void;
}

/**
 * For a generator, a generator that tells; for another asynchronous iterable, such as the stream of a model's answer,
 * the same object, whose iteration tells. Null for anything else.
 */
export function followIteration<Value>(value: Value, watch: IterationWatch): Value | null {
  if (typeof value !== 'object' || value === null) return null;
  const tag = (value as { readonly [Symbol.toStringTag]?: unknown })[Symbol.toStringTag];
  if (tag === 'Generator') return followSync(value as unknown as Generator, watch) as Value;
  if (tag === 'AsyncGenerator') return followAsync(value as unknown as AsyncGenerator, watch) as Value;
  const iterate = (value as { readonly [Symbol.asyncIterator]?: unknown })[Symbol.asyncIterator];
  if (typeof iterate !== 'function' || !Object.isExtensible(value)) return null;
  Object.defineProperty(value, Symbol.asyncIterator, {
    configurable: true,
    value: () => followAsync(iterate.call(value) as AsyncIterator<unknown>, watch),
  });
  return value;
}

function* followSync(inner: Generator, watch: IterationWatch): Generator {
  let isOver = false;
  try {
    let sent: unknown;
    for (;;) {
      const { done, value } = watch.inside(() => inner.next(sent));
      if (done) {
        isOver = true;
        watch.ended();
        return value;
      }
      sent = yield value;
    }
  } catch (error) {
    isOver = true;
    watch.failed(error);
    throw error;
  } finally {
    // Whoever iterated has enough.
    if (!isOver) {
      watch.inside(() => inner.return(undefined));
      watch.ended();
    }
  }
}

async function* followAsync(inner: AsyncIterator<unknown>, watch: IterationWatch): AsyncGenerator {
  let isOver = false;
  try {
    let sent: unknown;
    for (;;) {
      const { done, value } = await watch.inside(() => inner.next(sent));
      if (done) {
        isOver = true;
        watch.ended();
        return value;
      }
      sent = yield value;
    }
  } catch (error) {
    isOver = true;
    watch.failed(error);
    throw error;
  } finally {
    if (!isOver) {
      await watch.inside(() => inner.return?.());
      watch.ended();
    }
  }
}
