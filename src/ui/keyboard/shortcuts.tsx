import { createContext, type ReactNode, useContext, useEffect, useMemo, useRef, useState } from 'react';

export interface Shortcut {
  /** `j`, `Enter`, `[`, or two keys in turn: `g r`. */
  readonly keys: string;
  readonly says: string;
  readonly run: () => void;
}

interface Shortcuts {
  readonly lists: Set<readonly Shortcut[]>;
  readonly version: number;
  changed(): void;
}

const ShortcutContext = createContext<Shortcuts | null>(null);
const turnMs = 1_200;

/** Keys of the page and of what is on it; what was put in last is asked first. Fields one types into keep theirs. */
export function ShortcutProvider({ children }: { readonly children: ReactNode }) {
  const [version, setVersion] = useState(0);
  const lists = useRef(new Set<readonly Shortcut[]>()).current;
  useEffect(() => {
    let begun: { readonly key: string; readonly at: number } | null = null;
    const press = (event: KeyboardEvent) => {
      if (event.ctrlKey || event.metaKey || event.altKey || isTyped(event)) return;
      const turn = begun !== null && event.timeStamp - begun.at < turnMs ? `${begun.key} ${event.key}` : null;
      begun = null;
      const all = [...lists].reverse().flat();
      const found = all.find(({ keys }) => keys === turn) ?? all.find(({ keys }) => keys === event.key);
      if (found !== undefined) {
        event.preventDefault();
        found.run();
      } else if (all.some(({ keys }) => keys.startsWith(`${event.key} `))) {
        begun = { key: event.key, at: event.timeStamp };
      }
    };
    window.addEventListener('keydown', press);
    return () => window.removeEventListener('keydown', press);
  }, [lists]);
  const value = useMemo(
    () => ({ lists, version, changed: () => setVersion((before) => before + 1) }),
    [lists, version],
  );
  return <ShortcutContext value={value}>{children}</ShortcutContext>;
}

/** Adds keys while the component is there. `says` and `keys` do not change; `run` may. */
export function useShortcuts(shortcuts: readonly Shortcut[]): void {
  const context = useContext(ShortcutContext);
  const latest = useRef(shortcuts);
  latest.current = shortcuts;
  const names = shortcuts.map(({ keys, says }) => `${keys}\n${says}`).join('\n\n');
  const changed = useRef(context?.changed);
  changed.current = context?.changed;
  const lists = context?.lists;
  useEffect(() => {
    if (lists === undefined || names === '') return;
    const list = names.split('\n\n').map((pair, index) => {
      const [keys = '', says = ''] = pair.split('\n');
      return { keys, says, run: () => latest.current[index]?.run() };
    });
    lists.add(list);
    changed.current?.();
    return () => {
      lists.delete(list);
      changed.current?.();
    };
  }, [names, lists]);
}

/** What can be pressed now, for the overlay. */
export function useShortcutList(): readonly Shortcut[] {
  const context = useContext(ShortcutContext);
  return context === null ? [] : [...context.lists].flat();
}

function isTyped({ target, key }: KeyboardEvent): boolean {
  if (!(target instanceof HTMLElement)) return false;
  // One that was just closed keeps the focus until the page is drawn again.
  if (target.closest('dialog[open]') !== null) return true;
  if (target.isContentEditable || target instanceof HTMLTextAreaElement || target instanceof HTMLSelectElement)
    return true;
  if (target instanceof HTMLInputElement) return !['checkbox', 'radio', 'button'].includes(target.type);
  // What a button or link does with Enter and the space bar is its own.
  return (key === 'Enter' || key === ' ') && target.closest('a, button, summary') !== null;
}
