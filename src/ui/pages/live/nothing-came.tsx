import { Link } from 'wouter';
import { EmptyNote } from '../../parts/notes.js';
import { links } from '../../routing/links.js';
import { useUrlState } from '../../routing/use-url-state.js';

export function NothingCame() {
  const filtered = useUrlState().search.size > 0;
  return (
    <EmptyNote>
      {filtered
        ? 'No event that the filter lets through has come since this list began. '
        : 'No event has come since this list began. '}
      Each one is here a moment after it is on disk.{' '}
      <Link href={links.tryIt()} className="text-accent hover:underline">
        Send one to try it
      </Link>
    </EmptyNote>
  );
}
