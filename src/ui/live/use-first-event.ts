import { useRef } from 'react';
import { useAskedUntilStored } from './use-asked-until-stored.js';
import { useLive } from './use-live.js';

/** From an event's acknowledgement until it can be asked for, most of the time. */
const storedMs = 1_500;

/** A page without data asks again when something comes: `retry`, more and more seldom, until `isEmpty` is over. */
export function useFirstEvent(isEmpty: boolean, retry: () => void): void {
  const heard = useRef(() => {});
  const state = useLive(isEmpty ? {} : null, ({ op }) => {
    if (op === 'events') heard.current();
  });
  heard.current = useAskedUntilStored(retry, { wanted: isEmpty, state, firstMs: storedMs });
}
