import { type ReactNode, useId } from 'react';

/** A titled box of a page. `aside` stands beside the title: a switch, a link, the time the data are of. */
export function Panel({
  title,
  aside,
  children,
  className = '',
}: {
  readonly title: ReactNode;
  readonly aside?: ReactNode;
  readonly children: ReactNode;
  readonly className?: string;
}) {
  const id = useId();
  return (
    <section aria-labelledby={id} className={`min-w-0 rounded-lg border border-line bg-panel p-4 ${className}`}>
      <div className="mb-3 flex flex-wrap items-center justify-between gap-x-4 gap-y-1">
        <h2 id={id} className="font-semibold">
          {title}
        </h2>
        {aside !== undefined && <div className="flex flex-wrap items-center gap-2 text-sm text-soft">{aside}</div>}
      </div>
      {children}
    </section>
  );
}
