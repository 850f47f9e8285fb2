import { useEffect, useRef } from 'react';

/** From an event's acknowledgement until it can be asked for; where it takes longer, it is asked once more. */
export const storedMs = 1_500;

/** An answer is shared for a second, and a store may be behind for longer: then the pill stays. */
const asksMax = 2;

/**
 * Events are told before the store has them: what the answer lacks of what was heard of when the list was asked for is
 * asked for again. Gives what is to be called with each question; `asOf` is when the last answer came.
 */
export function useAskedAgain({
  heardIds,
  asOf,
  ask,
}: {
  readonly heardIds: readonly string[];
  readonly asOf: Date | undefined;
  readonly ask: () => void;
}): () => void {
  const latest = useRef({ heardIds, ask });
  latest.current = { heardIds, ask };
  const wanted = useRef({ ids: new Set<string>(), asks: 0 });
  // biome-ignore lint/correctness/useExhaustiveDependencies: each answer is looked at
  useEffect(() => {
    if (wanted.current.asks === 0) return;
    const timer = setTimeout(() => {
      const { ids, asks } = wanted.current;
      const isMissed = latest.current.heardIds.some((id) => ids.has(id));
      wanted.current.asks = isMissed ? asks - 1 : 0;
      if (isMissed) latest.current.ask();
    }, storedMs);
    return () => clearTimeout(timer);
  }, [asOf]);
  return () => {
    wanted.current = { ids: new Set(latest.current.heardIds), asks: asksMax };
  };
}
