import type { ReactNode } from 'react';
import type { Answer } from '../api/use-answer.js';
import { Button } from './button.js';
import { ProblemNote } from './notes.js';
import { Time } from './time.js';

/** Shows an answer: what is old while it loads, with a mark; a problem in words; a spinner only when it takes long. */
export function AnswerView<Data>({
  answer,
  children,
}: {
  readonly answer: Answer<Data>;
  readonly children: (data: Data) => ReactNode;
}) {
  const { data, problem, outdated, loading, slow, retry } = answer;
  return (
    <div aria-busy={loading} className="flex min-h-0 min-w-0 flex-col gap-3">
      {problem !== undefined && <ProblemNote problem={problem} onRetry={retry} />}
      {data === undefined ? (
        loading && slow && <Waiting onCancel={answer.cancel} />
      ) : (
        <div className={`min-h-0 min-w-0 ${outdated ? 'opacity-60 transition-opacity delay-100' : ''}`}>
          {children(data)}
        </div>
      )}
    </div>
  );
}

function Waiting({ onCancel }: { readonly onCancel: () => void }) {
  return (
    <p className="flex items-center justify-center gap-3 py-8 text-soft">
      <Spinner /> Asking the store
      <Button onClick={onCancel}>Cancel</Button>
    </p>
  );
}

export function Spinner() {
  return (
    <span
      role="status"
      aria-label="Loading"
      className="inline-block size-4 animate-spin rounded-full border-2 border-line border-t-accent"
    />
  );
}

/** The time the data are of, and what goes on about newer ones; of the first ones `AnswerView` tells. */
export function AsOf({ answer }: { readonly answer: Answer<unknown> }) {
  const { asOf, slow, outdated, loading, cancel } = answer;
  return (
    <span className="inline-flex items-center gap-2 text-sm text-soft">
      {slow && loading && asOf !== undefined && (
        <>
          <Spinner />
          <Button look="quiet" onClick={cancel}>
            Cancel
          </Button>
        </>
      )}
      {asOf !== undefined && (
        <span>
          {outdated ? 'of another question, as of ' : 'as of '}
          <Time at={asOf} />
        </span>
      )}
    </span>
  );
}
