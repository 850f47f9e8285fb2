import { type ReactNode, useEffect, useState } from 'react';
import { retryAfterMs } from '../api/asking-again.js';
import { createApi, dataOf } from '../api/client.js';
import { keyStore } from '../api/key-store.js';
import { type ApiProblem, asProblem } from '../api/problem.js';
import { SessionProvider, useKey, type Who } from '../api/session.js';
import { Button } from '../parts/button.js';
import { ProblemNote } from '../parts/notes.js';

/** Shows its children to who has a key that may read; asks for one else, and says what is wrong with the one given. */
export function SignedIn({ children }: { readonly children: ReactNode }) {
  const key = useKey();
  const [known, setKnown] = useState<{ readonly key: string; readonly who: Who }>();
  const [problem, setProblem] = useState<ApiProblem>();
  const [round, setRound] = useState(0);
  useEffect(() => {
    if (key === null) return;
    const controller = new AbortController();
    let timer = 0;
    setProblem(undefined);
    dataOf(createApi(key).GET('/api/v1/whoami', { signal: controller.signal })).then(
      (who) => setKnown({ key, who }),
      (error: unknown) => {
        if (controller.signal.aborted) return;
        const found = asProblem(error);
        setProblem(found);
        if (found.status === 401) keyStore.set(null);
        if (found.passes) timer = window.setTimeout(() => setRound((before) => before + 1), retryAfterMs(round));
      },
    );
    return () => {
      controller.abort();
      clearTimeout(timer);
    };
  }, [key, round]);
  if (key !== null && known?.key === key) {
    return (
      <SessionProvider who={known.who} keyText={key}>
        {children}
      </SessionProvider>
    );
  }
  if (key === null) return <AskForKey problem={problem} />;
  return problem === undefined ? null : <NotReadable problem={problem} />;
}

function AskForKey({ problem }: { readonly problem: ApiProblem | undefined }) {
  const signIn = (form: FormData) => {
    const given = String(form.get('key')).trim();
    if (given !== '') keyStore.set(given);
  };
  return (
    <Door>
      <h1 className="text-xl font-semibold">Sign in to Tidemark</h1>
      {problem !== undefined && <ProblemNote problem={problem} />}
      <form action={signIn} className="flex flex-col gap-3">
        <label htmlFor="key">API key with the scope read</label>
        <input
          id="key"
          name="key"
          type="password"
          autoComplete="off"
          spellCheck={false}
          required
          // biome-ignore lint/a11y/noAutofocus: there is nothing else on this page
          autoFocus
          className="rounded-md border border-line bg-panel px-3 py-2 font-mono"
        />
        <Button type="submit" look="main" className="justify-center py-2">
          Sign in
        </Button>
      </form>
      <p className="text-sm text-soft">
        The collector printed a link with a key when it started. Its first admin key is in the file{' '}
        <code className="font-mono">tidemark-data/admin-key</code>; more are made with{' '}
        <code className="font-mono">npx tidemark keys create --tenant default --scope read</code>. The key stays in this
        tab.
      </p>
    </Door>
  );
}

function NotReadable({ problem }: { readonly problem: ApiProblem }) {
  return (
    <Door>
      <h1 className="text-xl font-semibold">
        {problem.code === 'scope_missing' ? 'This key may not read' : 'Cannot sign in'}
      </h1>
      <ProblemNote problem={problem} />
      <Button onClick={() => keyStore.set(null)}>Use another key</Button>
    </Door>
  );
}

function Door({ children }: { readonly children: ReactNode }) {
  return (
    <main className="flex min-h-dvh items-center justify-center p-4">
      <div className="flex w-full max-w-md flex-col gap-4 rounded-lg border border-line bg-panel p-6">{children}</div>
    </main>
  );
}
