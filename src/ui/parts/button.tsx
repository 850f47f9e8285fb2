import type { ButtonHTMLAttributes } from 'react';

type Look = 'plain' | 'main' | 'danger' | 'quiet';

const looks: Readonly<Record<Look, string>> = {
  plain: 'border border-line bg-panel text-ink hover:bg-raised',
  main: 'border border-accent bg-accent text-on-accent hover:opacity-90',
  danger: 'border border-bad bg-panel text-bad hover:bg-bad-soft',
  quiet: 'border border-transparent text-soft hover:bg-raised hover:text-ink',
};

export function Button({
  look = 'plain',
  className = '',
  ...rest
}: ButtonHTMLAttributes<HTMLButtonElement> & { readonly look?: Look }) {
  const base = 'inline-flex items-center gap-1.5 rounded-md px-2.5 py-1 text-sm whitespace-nowrap disabled:opacity-50';
  return <button type="button" {...rest} className={`${base} ${looks[look]} ${className}`} />;
}
