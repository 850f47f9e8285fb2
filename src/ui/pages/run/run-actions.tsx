import { useState } from 'react';
import { useLocation } from 'wouter';
import { dataOf } from '../../api/client.js';
import { useSession } from '../../api/session.js';
import { Button } from '../../parts/button.js';
import { ConfirmDialog } from '../../parts/confirm-dialog.js';
import { links } from '../../routing/links.js';

/** What can be done with a run as a whole. `content` is what the download holds: null until all of it is here. */
export function RunActions({ runId, content }: { readonly runId: string; readonly content: (() => unknown) | null }) {
  const { may } = useSession();
  const [asking, setAsking] = useState(false);
  return (
    <>
      <Button disabled={content === null} onClick={() => download(`run-${runId}.json`, content?.())}>
        Download JSON
      </Button>
      {may('admin') && (
        <Button look="danger" onClick={() => setAsking(true)}>
          Erase…
        </Button>
      )}
      {asking && <EraseDialog runId={runId} onClose={() => setAsking(false)} />}
    </>
  );
}

function EraseDialog({ runId, onClose }: { readonly runId: string; readonly onClose: () => void }) {
  const { api } = useSession();
  const [, navigate] = useLocation();
  const erase = async () => {
    await dataOf(api.DELETE('/api/v1/runs/{run_id}', { params: { path: { run_id: runId } } }));
    navigate(links.runs());
  };
  return (
    <ConfirmDialog title="Erase this run?" action="Erase it for good" onConfirm={erase} onClose={onClose}>
      <p>All events, tasks, steps and failures of this run are erased. Nothing brings them back.</p>
      <p className="foreign font-mono text-sm">{runId}</p>
      <p className="text-sm text-soft">
        Events that are still on their way are erased when they arrive. Daily sums keep what they counted.
      </p>
    </ConfirmDialog>
  );
}

function download(name: string, content: unknown): void {
  const address = URL.createObjectURL(new Blob([JSON.stringify(content, null, 2)], { type: 'application/json' }));
  const link = document.createElement('a');
  link.href = address;
  link.download = name.replaceAll(/[^\w.-]+/g, '_').slice(0, 120);
  link.click();
  URL.revokeObjectURL(address);
}
