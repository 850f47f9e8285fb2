/** A share of a whole, drawn behind its number; `percent` from 0 to 100. */
export function ShareBar({ percent, tone = 'bg-accent' }: { readonly percent: number; readonly tone?: string }) {
  return (
    <span
      className="inline-block h-1.5 w-full min-w-8 overflow-hidden rounded-full bg-raised align-middle"
      aria-hidden="true"
    >
      <span
        className={`block h-full rounded-full ${tone}`}
        style={{ width: `${Math.max(0, Math.min(100, percent))}%` }}
      />
    </span>
  );
}
