export type WorkStatus = 'pending' | 'running' | 'completed' | 'failed' | 'cancelled' | 'orphaned';

const looks: Readonly<Record<WorkStatus, { readonly mark: string; readonly look: string; readonly says: string }>> = {
  pending: { mark: '○', look: 'bg-raised text-soft', says: 'Not started yet' },
  running: { mark: '▶', look: 'bg-busy-soft text-busy', says: 'Under way' },
  completed: { mark: '✓', look: 'bg-good-soft text-good', says: 'Ended well' },
  failed: { mark: '✕', look: 'bg-bad-soft text-bad', says: 'Ended in a failure' },
  cancelled: { mark: '⊘', look: 'bg-raised text-soft', says: 'Ended by somebody' },
  orphaned: { mark: '?', look: 'bg-warn-soft text-warn', says: 'No end, and nothing was heard of it for long' },
};

/** The state of a run, task or step; its mark tells it without colours. */
export function Status({ status }: { readonly status: WorkStatus }) {
  const { mark, look, says } = looks[status];
  return (
    <span title={says} className={`inline-flex items-center gap-1 rounded px-1.5 py-0.5 text-xs font-medium ${look}`}>
      <span aria-hidden="true">{mark}</span>
      {status}
    </span>
  );
}

const healthLooks = {
  healthy: 'bg-good-soft text-good',
  degraded: 'bg-warn-soft text-warn',
  unhealthy: 'bg-bad-soft text-bad',
} as const;

export function HealthStatus({ status }: { readonly status: keyof typeof healthLooks }) {
  return (
    <span className={`inline-block rounded px-1.5 py-0.5 text-xs font-medium ${healthLooks[status]}`}>{status}</span>
  );
}
