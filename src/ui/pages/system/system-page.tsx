import { useSession } from '../../api/session.js';
import { useAnswer } from '../../api/use-answer.js';
import { Page } from '../../parts/page.js';
import { DaysPanel } from './days-panel.js';
import { EndpointsPanel } from './endpoints-panel.js';
import { ErasuresPanel } from './erasures-panel.js';
import { HealthPanel } from './health-panel.js';
import { KeysPanel } from './keys-panel.js';
import { LedgerPanel } from './ledger-panel.js';
import { TablesPanel } from './tables-panel.js';

const refreshMs = 10_000;

/** The collector itself: whether it is well, whether its numbers add up, what it holds and how fast it answers. */
export function SystemPage() {
  const { may } = useSession();
  const health = useAnswer(['health'], (api, signal) => api.GET('/health/deep', { signal }), { refreshMs });
  return (
    <Page title="System" actions={<Version />}>
      <HealthPanel answer={health} />
      <LedgerPanel answer={health} />
      <TablesPanel health={health} />
      <EndpointsPanel />
      {may('admin') ? (
        <>
          <ErasuresPanel />
          <DaysPanel />
          <KeysPanel />
        </>
      ) : (
        <p className="text-sm text-soft">
          Erasures, finalized days and keys are shown to a key with the scope admin; yours has <Scopes />.
        </p>
      )}
    </Page>
  );
}

function Scopes() {
  const { who } = useSession();
  return <>{who.scopes.join(', ')}</>;
}

/** What runs here: the root answers so to programs, and with these pages to browsers. */
function Version() {
  const root = useAnswer(['version'], async (_api, signal) => {
    const response = await fetch('/', { headers: { accept: 'application/json' }, cache: 'no-store', signal });
    return { data: (await response.json()) as { readonly version: string }, response };
  });
  if (root.data === undefined) return null;
  return <span className="text-sm text-soft">Tidemark {root.data.version}</span>;
}
