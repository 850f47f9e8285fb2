import { type ReactNode, useEffect, useRef } from 'react';
import { Link } from 'wouter';
import { useAnswer } from '../api/use-answer.js';
import { useFirstEvent } from '../live/use-first-event.js';
import { links } from '../routing/links.js';
import { EmptyNote } from './notes.js';

/**
 * Says that there is nothing to show: what its children say, or that no event has come at all. Then it listens for the
 * first one, and tells when it is there.
 */
export function NothingHere({
  onArrival,
  children,
}: {
  readonly onArrival?: () => void;
  readonly children: ReactNode;
}) {
  const agents = useAnswer(['any agent'], (api, signal) =>
    api.GET('/api/v1/agents', { params: { query: { limit: 1 } }, signal }),
  );
  const isEmpty = agents.data?.agents.length === 0;
  useFirstEvent(isEmpty, agents.retry);
  const wasEmpty = useRef(false);
  const told = useRef(onArrival);
  told.current = onArrival;
  useEffect(() => {
    if (wasEmpty.current && !isEmpty) told.current?.();
    wasEmpty.current = isEmpty;
  }, [isEmpty]);
  if (!isEmpty) return <EmptyNote>{children}</EmptyNote>;
  return <NoEventsNote />;
}

/** No event has come at all; the page that says so turns into data by itself. */
export function NoEventsNote() {
  return (
    <EmptyNote>
      No event has come to this collector yet.{' '}
      <Link href={links.tryIt()} className="text-accent hover:underline">
        Send the first one
      </Link>
      , and this page shows it by itself.
    </EmptyNote>
  );
}
