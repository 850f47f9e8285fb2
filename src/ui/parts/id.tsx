import { useState } from 'react';
import { Link } from 'wouter';

/** An id: text of a stranger, cut by its box and not by us; a click on the mark beside it copies all of it. */
export function Id({ id, href }: { readonly id: string; readonly href?: string }) {
  const text = (
    <bdi className="truncate font-mono text-[0.92em]" title={id}>
      {id}
    </bdi>
  );
  return (
    <span className="inline-flex max-w-full min-w-0 items-center gap-1 align-bottom">
      {href === undefined ? (
        text
      ) : (
        <Link href={href} className="truncate text-accent hover:underline">
          {text}
        </Link>
      )}
      <CopyButton text={id} label="Copy id" />
    </span>
  );
}

const shownMs = 1_500;

export function CopyButton({ text, label }: { readonly text: string; readonly label: string }) {
  const [copied, setCopied] = useState(false);
  const copy = async () => {
    await copyText(text);
    setCopied(true);
    setTimeout(() => setCopied(false), shownMs);
  };
  return (
    <button
      type="button"
      aria-label={copied ? 'Copied' : label}
      title={copied ? 'Copied' : label}
      onClick={(event) => {
        event.preventDefault();
        event.stopPropagation();
        void copy();
      }}
      className="shrink-0 rounded p-0.5 text-soft hover:bg-raised hover:text-ink"
    >
      <svg
        viewBox="0 0 16 16"
        className="size-3.5"
        fill="none"
        stroke="currentColor"
        strokeWidth="1.5"
        aria-hidden="true"
      >
        {copied ? (
          <path d="m3 8.500 3.200 3.200L13 5" strokeLinecap="round" strokeLinejoin="round" />
        ) : (
          <path d="M5.500 5.500h7v8h-7zM3.500 10.500v-8h7" strokeLinejoin="round" />
        )}
      </svg>
    </button>
  );
}

/** The clipboard is for pages of `https` and of this machine; elsewhere the browser's older way is. */
async function copyText(text: string): Promise<void> {
  if (navigator.clipboard !== undefined) return navigator.clipboard.writeText(text);
  const field = document.createElement('textarea');
  field.value = text;
  document.body.append(field);
  field.select();
  document.execCommand('copy');
  field.remove();
}
