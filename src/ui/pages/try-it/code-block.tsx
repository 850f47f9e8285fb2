import { CopyButton } from '../../parts/id.js';

/** A program to be copied; what is copied may be more than what is shown. */
export function CodeBlock({
  label,
  shown,
  copied,
}: {
  readonly label: string;
  readonly shown: string;
  readonly copied: string;
}) {
  return (
    <div className="relative rounded-md border border-line bg-ground">
      <div className="absolute end-1.5 top-1.5 rounded bg-ground">
        <CopyButton text={copied} label={label} />
      </div>
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reached by the keyboard */}
      <pre tabIndex={0} className="overflow-x-auto p-3 pe-10 font-mono text-sm">
        {shown}
      </pre>
    </div>
  );
}
