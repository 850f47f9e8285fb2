import { Link } from 'wouter';
import type { Answers } from '../../api/client.js';
import type { Answer } from '../../api/use-answer.js';
import { formatDuration } from '../../format/durations.js';
import { AnswerView, AsOf } from '../../parts/answer-view.js';
import { Id } from '../../parts/id.js';
import { EmptyNote } from '../../parts/notes.js';
import { Panel } from '../../parts/panel.js';
import { Status } from '../../parts/status.js';
import { type Column, Table } from '../../parts/table.js';
import { Time } from '../../parts/time.js';
import { links } from '../../routing/links.js';

const columns: readonly Column<Answers['RunItem']>[] = [
  { name: 'Status', cell: ({ status }) => <Status status={status} /> },
  { name: 'Run', cell: ({ run_id }) => <Id id={run_id} href={links.run(run_id)} /> },
  { name: 'Started', number: true, cell: ({ started_at }) => <Time at={started_at} /> },
  {
    name: 'Took',
    number: true,
    cell: ({ duration_ms }) => <span className="whitespace-nowrap">{formatDuration(duration_ms)}</span>,
  },
];

/** The runs of the agent that started last. */
export function AgentRuns({
  agentId,
  answer,
}: {
  readonly agentId: string;
  readonly answer: Answer<Answers['RunPage']>;
}) {
  return (
    <Panel title="Latest runs" aside={<AsOf answer={answer} />}>
      <AnswerView answer={answer}>
        {({ runs }) =>
          runs.length === 0 ? (
            <EmptyNote>No run of this agent is kept.</EmptyNote>
          ) : (
            <>
              <Table label="Runs of the agent" columns={columns} rows={runs} rowKey={({ run_id }) => run_id} />
              <p className="mt-2 text-sm">
                <Link href={links.runs({ agent_id: agentId })} className="text-accent hover:underline">
                  All runs of this agent
                </Link>
              </p>
            </>
          )
        }
      </AnswerView>
    </Panel>
  );
}
