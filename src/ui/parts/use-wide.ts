import { useSyncExternalStore } from 'react';

const wide = window.matchMedia('(min-width: 48rem)');

/** Whether there is room for more than a phone has: what `md:` says to a class, for heights that a list has to know. */
export function useWide(): boolean {
  return useSyncExternalStore(subscribe, () => wide.matches);
}

function subscribe(run: () => void): () => void {
  wide.addEventListener('change', run);
  return () => wide.removeEventListener('change', run);
}
