import { Link } from 'wouter';
import { formatDuration } from '../../format/durations.js';
import { formatCost, formatCount, unpricedNote } from '../../format/numbers.js';
import type { LiveRun } from '../../live/live-messages.js';
import type { LiveState } from '../../live/use-live.js';
import { AgentLink } from '../../parts/agent-link.js';
import { Id } from '../../parts/id.js';
import { EmptyNote } from '../../parts/notes.js';
import { Panel } from '../../parts/panel.js';
import { type Column, Table } from '../../parts/table.js';
import { Age, Time, useNow } from '../../parts/time.js';
import { links } from '../../routing/links.js';
import { longestRunning, type RunningRuns, runningTotal } from './running-runs.js';

const shownMax = 8;

const columns: readonly Column<LiveRun>[] = [
  { name: 'Run', cell: (run) => <Id id={run.run_id} href={links.run(run.run_id)} /> },
  { name: 'Agent', wideOnly: true, cell: (run) => <Agents ids={run.agent_ids} /> },
  { name: 'For', number: true, cell: (run) => <RunningFor since={run.started_at} /> },
  { name: 'Heard', number: true, cell: (run) => <Age at={run.last_event_at} /> },
  { name: 'Steps', number: true, wideOnly: true, cell: (run) => <Steps steps={run.steps} /> },
  { name: 'Tokens', number: true, wideOnly: true, cell: (run) => formatCount(run.tokens.total) },
  { name: 'Cost', number: true, wideOnly: true, cell: (run) => <Cost run={run} /> },
];

/** What runs now, told by the live socket as it goes on. */
export function RunningPanel({ running, state }: { readonly running: RunningRuns; readonly state: LiveState }) {
  const total = runningTotal(running);
  const shown = longestRunning(running, shownMax);
  return (
    <Panel
      title={running.since === null ? 'Running now' : `Running now (${formatCount(total)})`}
      aside={
        <>
          {state === 'open' && running.heardAt !== null && (
            <span>
              live, as of <Time at={running.heardAt} />
            </span>
          )}
          {state === 'waiting' && <span>the connection was lost, it is tried again</span>}
        </>
      }
    >
      {running.since !== null && total === 0 && <EmptyNote>No run is under way.</EmptyNote>}
      {shown.length > 0 && <Table label="Running now" columns={columns} rows={shown} rowKey={({ run_id }) => run_id} />}
      {total > shown.length && (
        <p className="mt-2 text-sm">
          <Link href={links.runs({ status: 'running' })} className="text-accent hover:underline">
            {`All ${formatCount(total)} runs under way`}
          </Link>
        </p>
      )}
    </Panel>
  );
}

function Agents({ ids: [first, ...others] }: { readonly ids: readonly string[] }) {
  if (first === undefined) return null;
  return (
    <span className="flex min-w-0 items-baseline gap-1">
      <AgentLink agentId={first} />
      {others.length > 0 && <span className="text-soft">{`+${others.length}`}</span>}
    </span>
  );
}

function RunningFor({ since }: { readonly since: string | null }) {
  const now = useNow(1_000);
  return (
    <>{formatDuration(since === null ? null : Math.max(0, Math.floor((now - Date.parse(since)) / 1_000) * 1_000))}</>
  );
}

function Steps({ steps }: { readonly steps: LiveRun['steps'] }) {
  return (
    <>
      {`${formatCount(steps.completed + steps.failed)} done`}
      {steps.running > 0 && `, ${formatCount(steps.running)} on`}
      {steps.failed > 0 && <span className="text-bad">{`, ${formatCount(steps.failed)} failed`}</span>}
    </>
  );
}

function Cost({ run }: { readonly run: LiveRun }) {
  const cents = run.cost_micros === null ? null : run.cost_micros / 10_000;
  return <span title={unpricedNote(run.tokens_unpriced) ?? undefined}>{formatCost(cents)}</span>;
}
