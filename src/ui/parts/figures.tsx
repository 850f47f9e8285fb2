import type { ReactNode } from 'react';

/** Numbers with their names in a line, where `Stats` would take too much room. */
export function Figures({ children }: { readonly children: ReactNode }) {
  return <dl className="flex flex-wrap items-center gap-x-5 gap-y-1 text-sm">{children}</dl>;
}

export function Figure({
  name,
  value,
  exact,
  tone = 'text-ink',
}: {
  readonly name: string;
  readonly value: ReactNode;
  /** When pointed at: the number as it is. */
  readonly exact?: string | undefined;
  readonly tone?: string;
}) {
  return (
    <div className="flex min-w-0 gap-1.5">
      <dt className="text-soft">{name}</dt>
      <dd title={exact} className={`tabular min-w-0 font-medium ${tone}`}>
        {value}
      </dd>
    </div>
  );
}
