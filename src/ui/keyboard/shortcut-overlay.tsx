import { useEffect, useRef } from 'react';
import { Button } from '../parts/button.js';
import { useShortcutList } from './shortcuts.js';

/** Every key that does something on this page. */
export function ShortcutOverlay({ onClose }: { readonly onClose: () => void }) {
  const dialog = useRef<HTMLDialogElement>(null);
  const shortcuts = useShortcutList();
  useEffect(() => dialog.current?.showModal(), []);
  return (
    <dialog
      ref={dialog}
      aria-label="Keys"
      onClose={onClose}
      className="m-auto w-[min(34rem,92vw)] rounded-lg border border-line bg-panel p-5 text-ink backdrop:bg-black/50"
    >
      <div className="mb-3 flex items-center justify-between">
        <h2 className="text-lg font-semibold">Keys</h2>
        <Button onClick={onClose}>Close</Button>
      </div>
      <dl className="grid grid-cols-[auto_1fr] gap-x-4 gap-y-1.5">
        {shortcuts.map(({ keys, says }) => (
          <div key={keys + says} className="contents">
            <dt className="flex gap-1">
              {keys.split(' ').map((key) => (
                <kbd key={key} className="rounded border border-line bg-raised px-1.5 font-mono text-xs leading-5">
                  {key}
                </kbd>
              ))}
            </dt>
            <dd>{says}</dd>
          </div>
        ))}
      </dl>
    </dialog>
  );
}
