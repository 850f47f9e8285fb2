import { useCallback, useMemo } from 'react';
import { choiceOf, useUrlState } from '../../routing/use-url-state.js';
import type { Span } from './timeline-nodes.js';
import type { Folding } from './timeline-rows.js';
import { parseWindow, windowText } from './timeline-window.js';

export const runViews = ['timeline', 'flame', 'log'] as const;
type RunViewName = (typeof runViews)[number];

/** How a run is looked at: all of it stands in the address. */
export interface RunView {
  readonly name: RunViewName;
  /** The node whose details are shown; '' for none. */
  readonly node: string;
  readonly folding: Folding;
  /** Null: all of the run. */
  readonly window: Span | null;
  show(name: RunViewName): void;
  select(node: string): void;
  /** Opens what is folded, folds what is open. */
  toggle(keys: readonly string[]): void;
  foldBelow(depth: number): void;
  zoom(window: Span | null): void;
}

const everything = 99;
/** An address takes so many lines that were folded by hand; `depth` folds all there are. */
const toggledMax = 200;

export function useRunView(): RunView {
  const { get, set } = useUrlState();
  const depthText = get('depth');
  const foldedText = get('fold');
  const folding = useMemo<Folding>(() => {
    const depth = Number.parseInt(depthText, 10);
    return { depthMax: depth >= 0 ? depth : everything, toggled: new Set(parseKeys(foldedText)) };
  }, [depthText, foldedText]);
  const windowGiven = get('window');
  const window = useMemo(() => parseWindow(windowGiven), [windowGiven]);
  const toggle = useCallback(
    (keys: readonly string[]) => {
      const toggled = new Set(folding.toggled);
      for (const key of keys) if (!toggled.delete(key)) toggled.add(key);
      set({ fold: [...toggled].slice(-toggledMax).map(encodeURIComponent).join(',') }, { replace: true });
    },
    [folding, set],
  );
  return {
    name: choiceOf(get('view'), runViews),
    node: get('node'),
    folding,
    window,
    show: (name) => set({ view: name === 'timeline' ? null : name }),
    select: (node) => set({ node }, { replace: true }),
    toggle,
    foldBelow: (depth) => set({ depth: depth >= everything ? null : String(depth), fold: null }),
    zoom: (next) => set({ window: next === null ? null : windowText(next) }),
  };
}

/** Ids may hold any sign, commas included, so each is encoded by itself. */
function parseKeys(text: string): string[] {
  if (text === '') return [];
  try {
    return text.split(',').map(decodeURIComponent);
  } catch {
    return [];
  }
}
