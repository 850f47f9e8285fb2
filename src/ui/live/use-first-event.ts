import { useEffect, useRef } from 'react';
import { useLive } from './use-live.js';

/** From an event's acknowledgement until it can be asked for; where it takes longer, the next round finds it. */
const storedMs = 1_500;

/** A page without data asks again when something comes: `retry`, once in a while, until `isEmpty` is over. */
export function useFirstEvent(isEmpty: boolean, retry: () => void): void {
  const timer = useRef(0);
  useLive(isEmpty ? {} : null, ({ op }) => {
    if (op !== 'events' || timer.current !== 0) return;
    const ask = (again: boolean) => {
      timer.current = again ? window.setTimeout(() => ask(false), storedMs) : 0;
      retry();
    };
    timer.current = window.setTimeout(() => ask(true), storedMs);
  });
  useEffect(() => {
    if (!isEmpty) return;
    return () => {
      clearTimeout(timer.current);
      timer.current = 0;
    };
  }, [isEmpty]);
}
