import { useEffect, useRef } from 'react';
import type { LiveState } from './use-live.js';

/** What a store has not got after so long is found by the next event. */
const waitMsMax = 60_000;

/**
 * Events are told before the store has them, and how long that takes is the store's to say. Gives what is to be called
 * with each event: it asks after `firstMs`, and again after twice as long each time, while it is `wanted`. Asks once
 * when the page begins to listen, too: what came before nobody tells again.
 */
export function useAskedUntilStored(
  ask: () => void,
  { wanted, state, firstMs }: { readonly wanted: boolean; readonly state: LiveState; readonly firstMs: number },
): () => void {
  const latest = useRef(ask);
  latest.current = ask;
  const waiting = useRef({ timer: 0, ms: Number.POSITIVE_INFINITY });
  useEffect(() => {
    if (!wanted) return;
    const current = waiting.current;
    return () => {
      clearTimeout(current.timer);
      current.ms = Number.POSITIVE_INFINITY;
    };
  }, [wanted]);
  useEffect(() => {
    if (state !== 'open') return;
    const timer = setTimeout(() => latest.current(), firstMs);
    return () => clearTimeout(timer);
  }, [state, firstMs]);
  const askAfter = (ms: number) => {
    const current = waiting.current;
    clearTimeout(current.timer);
    current.ms = ms > waitMsMax ? Number.POSITIVE_INFINITY : ms;
    if (ms > waitMsMax) return;
    current.timer = window.setTimeout(() => {
      latest.current();
      askAfter(2 * ms);
    }, ms);
  };
  return () => {
    if (waiting.current.ms > firstMs) askAfter(firstMs);
  };
}
