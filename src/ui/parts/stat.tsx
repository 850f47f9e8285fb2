import type { ReactNode } from 'react';

/** A number with its name; `note` says what it leaves out. */
export function Stat({
  name,
  value,
  exact,
  note,
  tone = 'text-ink',
}: {
  readonly name: string;
  readonly value: ReactNode;
  /** When pointed at: the number as it is. */
  readonly exact?: string | undefined;
  readonly note?: ReactNode;
  readonly tone?: string;
}) {
  return (
    <div className="min-w-0">
      <dt className="text-xs text-soft">{name}</dt>
      <dd className={`tabular truncate text-xl font-semibold ${tone}`} title={exact}>
        {value}
      </dd>
      {note !== undefined && note !== null && <dd className="text-xs text-soft">{note}</dd>}
    </div>
  );
}

export function Stats({ children }: { readonly children: ReactNode }) {
  return <dl className="grid grid-cols-[repeat(auto-fit,minmax(8rem,1fr))] gap-x-6 gap-y-3">{children}</dl>;
}
