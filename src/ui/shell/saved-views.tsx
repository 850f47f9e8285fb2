import { useState } from 'react';
import { Link } from 'wouter';
import { Button } from '../parts/button.js';

interface View {
  readonly name: string;
  readonly address: string;
}

const name = 'tidemark.views';
const viewsMax = 50;

/** Addresses with a name, kept by this browser: a view is all in its address. */
export function SavedViews() {
  const [views, setViews] = useState(storedViews);
  const [naming, setNaming] = useState(false);
  const keep = (next: readonly View[]) => {
    localStorage.setItem(name, JSON.stringify(next));
    setViews(next);
  };
  const save = (form: FormData) => {
    const given = String(form.get('name')).trim();
    if (given === '') return;
    const view = { name: given, address: window.location.pathname + window.location.search };
    keep([...views.filter((other) => other.name !== given), view].slice(-viewsMax));
    setNaming(false);
  };
  return (
    <section aria-label="Saved views" className="mt-4 px-2">
      <div className="flex items-center justify-between px-2.5 text-xs text-soft">
        Views
        <Button look="quiet" className="text-xs" aria-expanded={naming} onClick={() => setNaming(!naming)}>
          Save this
        </Button>
      </div>
      {naming && (
        <form action={save} className="flex gap-1 p-1">
          <input
            name="name"
            aria-label="Name of the view"
            maxLength={60}
            // biome-ignore lint/a11y/noAutofocus: it was asked for just now
            autoFocus
            className="w-full min-w-0 rounded-md border border-line bg-panel px-2 py-0.5 text-sm"
          />
          <Button type="submit">Save</Button>
        </form>
      )}
      <ul>
        {views.map((view) => (
          <li key={view.name} className="flex items-center">
            <Link
              href={view.address}
              className="foreign min-w-0 flex-1 truncate rounded-md px-2.5 py-1 hover:bg-raised"
            >
              {view.name}
            </Link>
            <Button
              look="quiet"
              aria-label={`Forget the view ${view.name}`}
              onClick={() => keep(views.filter((other) => other.name !== view.name))}
            >
              ×
            </Button>
          </li>
        ))}
      </ul>
    </section>
  );
}

function storedViews(): readonly View[] {
  try {
    const stored: unknown = JSON.parse(localStorage.getItem(name) ?? '[]');
    return Array.isArray(stored) ? stored.filter(isView) : [];
  } catch {
    return [];
  }
}

/** An address of our own, whatever was stored: a link must not lead elsewhere. */
function isView(of: unknown): of is View {
  if (typeof of !== 'object' || of === null || !('name' in of) || !('address' in of)) return false;
  return typeof of.name === 'string' && typeof of.address === 'string' && /^\/(?!\/)/.test(of.address);
}
