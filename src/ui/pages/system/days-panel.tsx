import { useState } from 'react';
import { type Answers, dataOf } from '../../api/client.js';
import { useSession } from '../../api/session.js';
import { useAnswer } from '../../api/use-answer.js';
import { formatDuration } from '../../format/durations.js';
import { formatExact } from '../../format/numbers.js';
import { AnswerView, AsOf } from '../../parts/answer-view.js';
import { Button } from '../../parts/button.js';
import { Labelled } from '../../parts/choices.js';
import { ConfirmDialog } from '../../parts/confirm-dialog.js';
import { Id } from '../../parts/id.js';
import { Panel } from '../../parts/panel.js';
import { type Column, Table } from '../../parts/table.js';
import { Time } from '../../parts/time.js';
import { links } from '../../routing/links.js';

type Finalization = Answers['Finalization'];
type Done = Answers['FinalizeDayAnswer'];

const columns: readonly Column<Finalization>[] = [
  { name: 'Day', cell: ({ day }) => <span className="tabular whitespace-nowrap">{day}</span> },
  { name: 'Looked at', cell: ({ finalized_at: at }) => <Time at={at} /> },
  { name: 'Of', cell: ofWhom },
  { name: 'Agents', cell: ({ agents }) => formatExact(agents), number: true },
  { name: 'Events', cell: ({ events }) => formatExact(events), number: true },
  { name: 'Agents mended', cell: ({ agents_repaired: count }) => formatExact(count), number: true },
  { name: 'Took', cell: ({ took_ms: ms }) => formatDuration(ms), number: true, wideOnly: true },
];

function ofWhom({ tenant, agent_id: agentId }: Finalization) {
  if (agentId !== null) return <Id id={agentId} href={links.agent(agentId)} />;
  return tenant === null ? 'all tenants' : 'the tenant';
}

/** Days that were compared with their raw events, and what does that for one more. */
export function DaysPanel() {
  const days = useAnswer(
    ['finalized days'],
    (api, signal) => api.GET('/api/v1/maintenance/days', { params: { query: { limit: 50 } }, signal }),
    { refreshMs: 60_000 },
  );
  return (
    <Panel title="Finalized days" aside={<AsOf answer={days} />}>
      <FinalizeForm onDone={days.retry} />
      <AnswerView answer={days}>
        {({ finalizations: rows }) =>
          rows.length === 0 ? (
            <p className="text-sm text-soft">No day was finalized yet; the upkeep does it by itself.</p>
          ) : (
            <Table
              label="Days, the latest first"
              columns={columns}
              rows={rows}
              rowKey={({ day, finalized_at: at, agent_id: agentId }) => `${day} ${at} ${agentId}`}
            />
          )
        }
      </AnswerView>
    </Panel>
  );
}

const field = 'rounded-md border border-line bg-panel px-2 py-1 text-sm';

function FinalizeForm({ onDone }: { readonly onDone: () => void }) {
  const { api } = useSession();
  const [day, setDay] = useState(yesterday);
  const [agentId, setAgentId] = useState('');
  const [asking, setAsking] = useState(false);
  const [done, setDone] = useState<Done>();
  const whose = agentId === '' ? 'all agents' : `agent ${agentId}`;
  const finalize = async () => {
    const query = agentId === '' ? {} : { agent_id: agentId };
    setDone(await dataOf(api.POST('/api/v1/maintenance/days/{day}', { params: { path: { day }, query } })));
    onDone();
  };
  return (
    <div className="mb-4 flex flex-col gap-2">
      <form
        className="flex flex-wrap items-end gap-3"
        onSubmit={(event) => {
          event.preventDefault();
          setAsking(true);
        }}
      >
        <Labelled label="UTC day">
          {(id) => (
            <input
              id={id}
              type="date"
              required
              value={day}
              onChange={(event) => setDay(event.target.value)}
              className={field}
            />
          )}
        </Labelled>
        <Labelled label="Agent, or all of them">
          {(id) => (
            <input
              id={id}
              value={agentId}
              maxLength={256}
              autoComplete="off"
              spellCheck={false}
              onChange={(event) => setAgentId(event.target.value.trim())}
              className={field}
            />
          )}
        </Labelled>
        <Button type="submit">Finalize…</Button>
      </form>
      {done !== undefined && <WhatWasDone done={done} />}
      {asking && (
        <ConfirmDialog
          title={`Finalize ${day}?`}
          action="Finalize it"
          onConfirm={finalize}
          onClose={() => setAsking(false)}
        >
          <p>
            The day of <bdi className="wrap-anywhere">{whose}</bdi> is compared with its raw events, and rows that
            differ are made anew. That reads all events of the day.
          </p>
        </ConfirmDialog>
      )}
    </div>
  );
}

function WhatWasDone({ done }: { readonly done: Done }) {
  const { day, agents, events, agents_repaired: mended, took_ms: ms } = done;
  return (
    <p role="status" className="text-sm text-good">
      {day} is finalized: {formatExact(events)} events of {formatExact(agents)} agents were compared,{' '}
      {formatExact(mended)} agents were mended, in {formatDuration(ms)}.
    </p>
  );
}

function yesterday(): string {
  return new Date(Date.now() - 86_400_000).toISOString().slice(0, 10);
}
