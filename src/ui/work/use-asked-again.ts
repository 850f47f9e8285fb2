import { useEffect, useRef } from 'react';
import type { LiveState } from '../live/use-live.js';

/** From an event's acknowledgement until it can be asked for; where it takes longer, it is asked once more. */
export const storedMs = 1_500;

/**
 * Asks once more each time the page begins to listen: what was told before, while it was away or in the background,
 * nobody tells again, and an answer from before may not have had it.
 */
export function useAskedOnceListening(state: LiveState, ask: () => void): void {
  useEffect(() => {
    if (state !== 'open') return;
    const timer = setTimeout(ask, storedMs);
    return () => clearTimeout(timer);
  }, [state, ask]);
}

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
