import { formatCount } from '../format/numbers.js';

/** Lies over the top of a list while it has newer rows to show: the list itself stays where it is. */
export function FreshPill({
  count,
  changed,
  what,
  onShow,
}: {
  readonly count: number;
  /** It cannot be said how many. */
  readonly changed: boolean;
  /** Of one and of more. */
  readonly what: readonly [one: string, more: string];
  readonly onShow: () => void;
}) {
  const text = count > 0 ? `${formatCount(count)} new ${what[count === 1 ? 0 : 1]}` : 'The list has changed';
  return (
    <div role="status" className="pointer-events-none absolute inset-x-0 top-10 z-20 flex justify-center">
      {(count > 0 || changed) && (
        <button
          type="button"
          onClick={onShow}
          className="pointer-events-auto rounded-full bg-accent px-3 py-1 text-sm font-medium text-on-accent shadow-lg"
        >
          {text}
          <span className="font-normal"> · show</span>
        </button>
      )}
    </div>
  );
}
