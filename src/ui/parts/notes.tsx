import type { ReactNode } from 'react';
import type { ApiProblem } from '../api/problem.js';
import { Button } from './button.js';

/** Says that there is nothing, and why or what to do. */
export function EmptyNote({ children }: { readonly children: ReactNode }) {
  return <p className="px-2 py-8 text-center text-soft">{children}</p>;
}

const remedies: Readonly<Record<string, string>> = {
  unreachable: 'Is it running? It is asked again by itself.',
  store_unavailable:
    'The store is away or still starting. Events are accepted meanwhile; this page comes back by itself.',
  query_timeout: 'A shorter range or a narrower filter is quicker to answer.',
  query_too_large: 'Choose a shorter range or a narrower filter.',
  scope_missing: 'Sign in with a key that has the scope for it.',
  user_bound: 'Your key is of one user, and this is kept for all users together.',
};

/** A failed request in words, with what to do. */
export function ProblemNote({ problem, onRetry }: { readonly problem: ApiProblem; readonly onRetry?: () => void }) {
  const remedy = remedies[problem.code];
  return (
    <div
      role="alert"
      className="flex flex-wrap items-start gap-x-4 gap-y-2 rounded-md bg-warn-soft px-3 py-2 text-warn"
    >
      <div className="min-w-0 flex-1">
        <p className="font-medium">{problem.message}</p>
        {problem.detail !== null && <p className="foreign text-sm">{problem.detail}</p>}
        {problem.errors.map(({ path, message }) => (
          <p key={path + message} className="foreign text-sm">
            {message}
          </p>
        ))}
        {remedy !== undefined && <p className="text-sm">{remedy}</p>}
        {problem.status > 0 && <p className="text-xs">{`${problem.status} ${problem.code}`}</p>}
      </div>
      {onRetry !== undefined && <Button onClick={onRetry}>Ask again</Button>}
    </div>
  );
}
