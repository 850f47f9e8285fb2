import { useState } from 'react';
import type { Answers } from '../../api/client.js';
import { dataOf } from '../../api/client.js';
import { type ApiProblem, asProblem } from '../../api/problem.js';
import { useSession } from '../../api/session.js';
import { useAnswer } from '../../api/use-answer.js';
import { AnswerView, AsOf } from '../../parts/answer-view.js';
import { Button } from '../../parts/button.js';
import { ConfirmDialog } from '../../parts/confirm-dialog.js';
import { CopyButton } from '../../parts/id.js';
import { ProblemNote } from '../../parts/notes.js';
import { Panel } from '../../parts/panel.js';
import { Table } from '../../parts/table.js';
import { Time } from '../../parts/time.js';

type Key = Answers['ApiKey'];
type KeyScope = Key['scopes'][number];

/** What a key of a tenant may; `admin` implies the others. */
const scopes = ['ingest', 'read', 'admin'] as const satisfies readonly KeyScope[];

/** Keys of the tenant, for admins: made, told once, taken back. */
export function KeysPanel() {
  const { who } = useSession();
  const keys = useAnswer(['keys'], (api, signal) => api.GET('/api/v1/keys', { signal }));
  const [revoking, setRevoking] = useState<Key>();
  return (
    <Panel title="API keys" aside={<AsOf answer={keys} />}>
      <AnswerView answer={keys}>
        {(data) => (
          <div className="flex flex-col gap-4">
            <Table
              label="Keys of the tenant"
              rows={data.keys}
              rowKey={({ name }) => name}
              columns={[
                { name: 'Name', cell: ({ name }) => <span className="font-mono">{name}</span> },
                { name: 'May', cell: (key) => key.scopes.join(', ') },
                { name: 'Of the user', cell: ({ user_id }) => <bdi className="foreign">{user_id ?? 'all'}</bdi> },
                { name: 'Made', cell: ({ created_at }) => <Time at={created_at} />, wideOnly: true },
                {
                  name: 'Action',
                  cell: (key) =>
                    key.name === who.key_name ? (
                      <span className="text-soft">the key you use</span>
                    ) : (
                      <Button look="danger" onClick={() => setRevoking(key)}>
                        Revoke…
                      </Button>
                    ),
                },
              ]}
            />
            <NewKey onMade={keys.retry} />
          </div>
        )}
      </AnswerView>
      {revoking !== undefined && (
        <RevokeDialog name={revoking.name} onRevoked={keys.retry} onClose={() => setRevoking(undefined)} />
      )}
    </Panel>
  );
}

function NewKey({ onMade }: { readonly onMade: () => void }) {
  const { api } = useSession();
  const [made, setMade] = useState<string>();
  const [problem, setProblem] = useState<ApiProblem>();
  const make = async (form: FormData) => {
    const chosen = scopes.filter((scope) => form.has(scope));
    const user = String(form.get('user')).trim();
    const body = { scopes: chosen, ...(user === '' ? {} : { user_id: user }) };
    try {
      setProblem(undefined);
      const { key } = await dataOf(api.POST('/api/v1/keys', { body }));
      setMade(key);
      onMade();
    } catch (error) {
      setProblem(asProblem(error));
    }
  };
  return (
    <form action={make} className="flex flex-col gap-3" aria-label="New key">
      <div className="flex flex-wrap items-end gap-4">
        <fieldset className="flex gap-3">
          <legend className="text-sm text-soft">May</legend>
          {scopes.map((scope) => (
            <label key={scope} className="flex items-center gap-1.5">
              <input type="checkbox" name={scope} defaultChecked={scope !== 'admin'} /> {scope}
            </label>
          ))}
        </fieldset>
        <label className="flex flex-col text-sm text-soft">
          Of one user (empty: all)
          <input
            name="user"
            maxLength={256}
            autoComplete="off"
            className="rounded-md border border-line bg-panel px-2 py-1 text-ink"
          />
        </label>
        <Button type="submit">Make a key</Button>
      </div>
      {problem !== undefined && <ProblemNote problem={problem} />}
      {made !== undefined && (
        <p role="status" className="flex flex-wrap items-center gap-2 rounded-md bg-good-soft px-3 py-2 text-good">
          The new key, told this once: <code className="font-mono break-all">{made}</code>
          <CopyButton text={made} label="Copy the key" />
        </p>
      )}
    </form>
  );
}

function RevokeDialog(of: { readonly name: string; readonly onRevoked: () => void; readonly onClose: () => void }) {
  const { api } = useSession();
  const revoke = async () => {
    await dataOf(api.DELETE('/api/v1/keys/{name}', { params: { path: { name: of.name } } }));
    of.onRevoked();
  };
  return (
    <ConfirmDialog title="Revoke this key?" action="Revoke it" onConfirm={revoke} onClose={of.onClose}>
      <p>
        Whoever uses the key <code className="font-mono">{of.name}</code> is refused from now on.
      </p>
    </ConfirmDialog>
  );
}
