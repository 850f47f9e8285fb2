import { type InputHTMLAttributes, type ReactNode, useEffect, useId, useRef, useState } from 'react';

/** One of a few, all seen at once. */
export function Segmented<Choice extends string>({
  label,
  choices,
  value,
  onChange,
}: {
  readonly label: string;
  readonly choices: readonly (Choice | { readonly value: Choice; readonly label: string })[];
  readonly value: Choice | null;
  readonly onChange: (choice: Choice) => void;
}) {
  return (
    <fieldset className="inline-flex rounded-md border border-line bg-panel p-0.5">
      <legend className="sr-only">{label}</legend>
      {choices.map((choice) => {
        const { value: of, label: text } = typeof choice === 'string' ? { value: choice, label: choice } : choice;
        const look = of === value ? 'bg-accent text-on-accent' : 'text-soft hover:bg-raised hover:text-ink';
        return (
          <button
            key={of}
            type="button"
            aria-pressed={of === value}
            onClick={() => onChange(of)}
            className={`rounded px-2 py-0.5 text-sm whitespace-nowrap ${look}`}
          >
            {text}
          </button>
        );
      })}
    </fieldset>
  );
}

/** One of many, or any: '' is any. */
export function Select({
  label,
  any,
  choices,
  value,
  onChange,
}: {
  readonly label: string;
  /** What stands for no choice; absent: one has to be chosen. */
  readonly any?: string;
  readonly choices: readonly string[];
  readonly value: string;
  readonly onChange: (choice: string) => void;
}) {
  const set = value === '' ? 'border-line' : 'border-accent';
  return (
    <select
      aria-label={label}
      title={label}
      value={value}
      onChange={(event) => onChange(event.target.value)}
      className={`max-w-44 rounded-md border bg-panel px-2 py-1 text-sm text-ink ${set}`}
    >
      {any !== undefined && <option value="">{any}</option>}
      {choices.map((choice) => (
        <option key={choice}>{choice}</option>
      ))}
    </select>
  );
}

const settleMs = 350;

/** A text of a filter: it counts a moment after the last key, or at once with Enter. */
export function FilterField({
  label,
  value,
  onChange,
  ...rest
}: Omit<InputHTMLAttributes<HTMLInputElement>, 'value' | 'onChange'> & {
  readonly label: string;
  readonly value: string;
  readonly onChange: (value: string) => void;
}) {
  const [text, setText] = useState(value);
  const latest = useRef(onChange);
  latest.current = onChange;
  useEffect(() => setText(value), [value]);
  useEffect(() => {
    if (text === value) return;
    const timer = setTimeout(() => latest.current(text.trim()), settleMs);
    return () => clearTimeout(timer);
  }, [text, value]);
  const set = value === '' ? 'border-line' : 'border-accent';
  return (
    <input
      type="search"
      aria-label={label}
      placeholder={label}
      autoComplete="off"
      spellCheck={false}
      maxLength={256}
      {...rest}
      value={text}
      onChange={(event) => setText(event.target.value)}
      onKeyDown={(event) => {
        if (event.key === 'Enter') onChange(text.trim());
      }}
      className={`w-36 min-w-0 rounded-md border bg-panel px-2 py-1 text-sm placeholder:text-soft ${set}`}
    />
  );
}

export function Labelled({
  label,
  children,
}: {
  readonly label: string;
  readonly children: (id: string) => ReactNode;
}) {
  const id = useId();
  return (
    <div className="flex flex-col gap-1">
      <label htmlFor={id} className="text-sm text-soft">
        {label}
      </label>
      {children(id)}
    </div>
  );
}
