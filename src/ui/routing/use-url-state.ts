import { useCallback, useRef } from 'react';
import { useSearchParams } from 'wouter';

/** What a view is set to; a value of null or '' is left out of the address. */
type UrlChanges = Readonly<Record<string, string | null | undefined>>;

export interface UrlState {
  /** Empty when it is not given. */
  get(name: string): string;
  readonly search: URLSearchParams;
  /** A choice is a step that Back undoes; what changes while one types or moves replaces the address (`replace`). */
  set(changes: UrlChanges, options?: { readonly replace?: boolean }): void;
}

/** The state of a view, which is all in its address: copied elsewhere it shows the same. */
export function useUrlState(): UrlState {
  const [search, setSearch] = useSearchParams();
  const setter = useRef(setSearch);
  setter.current = setSearch;
  const set = useCallback((changes: UrlChanges, { replace = false }: { readonly replace?: boolean } = {}) => {
    setter.current(
      (before) => {
        const next = new URLSearchParams(before);
        for (const [name, value] of Object.entries(changes)) {
          if (value === null || value === undefined || value === '') next.delete(name);
          else next.set(name, value);
        }
        return next;
      },
      { replace },
    );
  }, []);
  return { search, get: (name) => search.get(name) ?? '', set };
}

/** `value` if it is one of `choices`, else the first of them: an address may say anything. */
export function choiceOf<Choice extends string>(value: string, choices: readonly [Choice, ...Choice[]]): Choice {
  return choices.find((choice) => choice === value) ?? choices[0];
}
