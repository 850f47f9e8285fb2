import { useState } from 'react';
import { useUrlState } from '../routing/use-url-state.js';
import { Button } from './button.js';
import { Segmented } from './choices.js';

/** A range of time as a view's address holds it: `range=7d`, or `from=…&to=…`. */
export interface TimeRange {
  /** Null when a range was picked. */
  readonly name: string | null;
  /** RFC 3339; undefined: up to now. */
  readonly from: string;
  readonly to: string | undefined;
}

const msOf: Readonly<Record<string, number>> = { m: 60_000, h: 3_600_000, d: 86_400_000 };

/** Of the address; `fallback` is a name such as `7d`. From a whole minute on, so that equal questions are equal. */
export function useTimeRange(fallback: string): TimeRange {
  const url = useUrlState();
  const from = url.get('from');
  if (from !== '') return { name: null, from, to: url.get('to') || undefined };
  const name = /^\d{1,4}[mhd]$/.test(url.get('range')) ? url.get('range') : fallback;
  const ms = Number.parseInt(name, 10) * (msOf[name.at(-1)!] ?? 0);
  return { name, from: new Date(Math.floor((Date.now() - ms) / 60_000) * 60_000).toISOString(), to: undefined };
}

export function RangePicker({ ranges, fallback }: { readonly ranges: readonly string[]; readonly fallback: string }) {
  const url = useUrlState();
  const range = useTimeRange(fallback);
  const [open, setOpen] = useState(false);
  return (
    <div className="flex flex-wrap items-center gap-2">
      <Segmented
        label="Range"
        choices={[...ranges, { value: 'picked', label: 'Pick…' }]}
        value={range.name ?? 'picked'}
        onChange={(choice) => {
          if (choice === 'picked') return setOpen(!open);
          setOpen(false);
          url.set({ range: choice === fallback ? null : choice, from: null, to: null });
        }}
      />
      {(open || range.name === null) && (
        <RangeForm
          // A range that was picked elsewhere, by Back or in a chart, is what the fields say then.
          key={range.name ?? `${range.from} ${range.to}`}
          range={range}
          onApply={({ from, to }) => {
            url.set({ range: null, from, to });
            setOpen(false);
          }}
        />
      )}
    </div>
  );
}

function RangeForm({
  range,
  onApply,
}: {
  readonly range: TimeRange;
  readonly onApply: (range: { readonly from: string; readonly to: string | null }) => void;
}) {
  const [from, setFrom] = useState(() => localText(range.from));
  const [to, setTo] = useState(() => localText(range.to));
  const field = 'rounded-md border border-line bg-panel px-1.5 py-0.5 text-sm';
  return (
    <form
      className="flex flex-wrap items-center gap-1.5"
      onSubmit={(event) => {
        event.preventDefault();
        if (from === '') return;
        onApply({ from: new Date(from).toISOString(), to: to === '' ? null : new Date(to).toISOString() });
      }}
    >
      <input
        type="datetime-local"
        aria-label="From"
        value={from}
        onChange={(event) => setFrom(event.target.value)}
        className={field}
      />
      <span aria-hidden="true">–</span>
      <input
        type="datetime-local"
        aria-label="To"
        value={to}
        onChange={(event) => setTo(event.target.value)}
        className={field}
      />
      <Button type="submit">Show</Button>
    </form>
  );
}

/** As a field of date and time wants it, in the viewer's zone. */
function localText(time: string | undefined): string {
  if (time === undefined) return '';
  const date = new Date(time);
  if (Number.isNaN(date.getTime())) return '';
  return new Date(date.getTime() - date.getTimezoneOffset() * 60_000).toISOString().slice(0, 16);
}
