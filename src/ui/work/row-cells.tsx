import { Link } from 'wouter';
import { formatDuration } from '../format/durations.js';
import { formatCost, formatCount, formatExact, unknown, unpricedNote } from '../format/numbers.js';
import { CopyButton } from '../parts/id.js';
import { useNow } from '../parts/time.js';

/** A screen that has room for a row of one line. */
export const oneLine = '(min-width: 1280px)';
export const rowHeights = { oneLine: 36, twoLines: 58 } as const;
export const headerHeight = 32;

/** A link of a row to something else: it lies above that of the row. */
export const rowLink = 'relative z-10 block max-w-fit truncate hover:underline';

/** Where name and error share a column, both are seen. */
export const nameBesideError = 'max-w-[55%] min-w-0 shrink-0 2xl:max-w-full';

/** The link of a row, which a click anywhere in the row follows. */
export function RowLink({ id, href, onGo }: { readonly id: string; readonly href: string; readonly onGo: () => void }) {
  return (
    <span className="flex min-w-0 items-center gap-1">
      <Link href={href} onClick={onGo} title={id} className="truncate text-accent after:absolute after:inset-0">
        <bdi className="font-mono text-[0.92em]">{id}</bdi>
      </Link>
      <span className="relative z-10 shrink-0">
        <CopyButton text={id} label="Copy id" />
      </span>
    </span>
  );
}

/** Text of a stranger on one line; all of it when pointed at. */
export function Cut({ text, className = '' }: { readonly text: string | null; readonly className?: string }) {
  if (text === null || text === '') return <span className="text-soft">{unknown}</span>;
  return (
    <bdi className={`block truncate ${className}`} title={text}>
      {text}
    </bdi>
  );
}

/** How long it took; of what is under way, so far. */
export function Took({
  ms,
  runningSince,
}: {
  readonly ms: number | null;
  /** Null: it is not under way. */
  readonly runningSince: string | null;
}) {
  if (ms === null && runningSince !== null) return <Elapsed since={runningSince} />;
  return <span className="tabular whitespace-nowrap">{formatDuration(ms)}</span>;
}

function Elapsed({ since }: { readonly since: string }) {
  const elapsedMs = Math.max(0, useNow(1_000) - Date.parse(since));
  return (
    <span title="So far" className="tabular whitespace-nowrap text-busy">
      {formatDuration(Math.floor(elapsedMs / 1_000) * 1_000)}
    </span>
  );
}

export function TokenCount({
  tokens,
}: {
  readonly tokens: { readonly in: number; readonly out: number; readonly total: number };
}) {
  if (tokens.total === 0) return <span className="text-soft">0</span>;
  return (
    <span className="tabular" title={`${formatExact(tokens.in)} in, ${formatExact(tokens.out)} out`}>
      {formatCount(tokens.total)}
    </span>
  );
}

/** A cost with a mark where tokens have no price. */
export function Cost({ cents, unpriced }: { readonly cents: number | null; readonly unpriced: number }) {
  const note = unpricedNote(unpriced);
  return (
    <span className="tabular whitespace-nowrap" title={note ?? undefined}>
      {formatCost(cents)}
      {note !== null && (
        <>
          <span aria-hidden="true" className="text-warn">
            *
          </span>
          <span className="sr-only">{`, ${note}`}</span>
        </>
      )}
    </span>
  );
}

/** Of so many that ended, those that failed. */
export function Failed({
  failed,
  ended,
  what,
}: {
  readonly failed: number;
  readonly ended: number;
  readonly what: string;
}) {
  if (failed === 0) {
    return (
      <span className="tabular text-soft" title={`${formatExact(ended)} ${what} ended, none failed`}>
        {formatCount(ended)}
      </span>
    );
  }
  return (
    <span
      className="tabular whitespace-nowrap"
      title={`${formatExact(failed)} of ${formatExact(ended)} ${what} failed`}
    >
      <span className="font-medium text-bad">{formatCount(failed)}</span>
      <span className="text-soft">{`/${formatCount(ended)}`}</span>
      <span className="sr-only"> failed</span>
    </span>
  );
}
