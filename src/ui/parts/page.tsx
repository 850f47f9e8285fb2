import { type ReactNode, useEffect } from 'react';

/** What every page begins with: its name, which is the tab's too, and what can be set about it. */
export function Page({
  title,
  name,
  actions,
  children,
}: {
  readonly title: ReactNode;
  /** In the tab of the browser, where `title` is more than text. */
  readonly name?: string;
  readonly actions?: ReactNode;
  readonly children: ReactNode;
}) {
  const text = name ?? (typeof title === 'string' ? title : 'Tidemark');
  useEffect(() => {
    document.title = `${text} · Tidemark`;
  }, [text]);
  return (
    <div className="flex min-h-0 min-w-0 flex-1 flex-col gap-4 p-4 lg:p-6">
      <div className="flex flex-wrap items-center justify-between gap-x-6 gap-y-2">
        <h1 className="foreign min-w-0 text-xl font-semibold">{title}</h1>
        {actions !== undefined && <div className="flex flex-wrap items-center gap-2">{actions}</div>}
      </div>
      {children}
    </div>
  );
}
