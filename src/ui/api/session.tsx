import { createContext, type ReactNode, useContext, useMemo, useSyncExternalStore } from 'react';
import type { Answers } from './client.js';
import { type Api, createApi } from './client.js';
import { keyStore } from './key-store.js';

export type Who = Answers['GetWhoamiAnswer'];

export interface Session {
  readonly key: string;
  readonly api: Api;
  readonly who: Who;
  may(scope: Who['scopes'][number]): boolean;
  signOut(): void;
}

const SessionContext = createContext<Session | null>(null);

/** Of whoever is signed in; pages are drawn only then. */
export function useSession(): Session {
  const session = useContext(SessionContext);
  if (session === null) throw new Error('no session: this is drawn outside of SessionProvider');
  return session;
}

export function useKey(): string | null {
  return useSyncExternalStore(keyStore.subscribe, keyStore.get);
}

export function SessionProvider({ who, keyText, children }: { who: Who; keyText: string; children: ReactNode }) {
  const session = useMemo<Session>(
    () => ({
      key: keyText,
      api: createApi(keyText),
      who,
      may: (scope) => who.scopes.includes(scope) || (scope !== 'metrics' && who.scopes.includes('admin')),
      signOut: () => keyStore.set(null),
    }),
    [keyText, who],
  );
  return <SessionContext value={session}>{children}</SessionContext>;
}
