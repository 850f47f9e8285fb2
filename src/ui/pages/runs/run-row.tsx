import { memo } from 'react';
import { Link } from 'wouter';
import type { Answers } from '../../api/client.js';
import { formatCount } from '../../format/numbers.js';
import { Status } from '../../parts/status.js';
import { Time } from '../../parts/time.js';
import { links } from '../../routing/links.js';
import { Cost, Cut, Failed, nameBesideError, RowLink, rowLink, TokenCount, Took } from '../../work/row-cells.js';
import { Cell, HeadCell, PlaceOfRow, WorkHeader, WorkRow, type WorkRowOptions } from '../../work/virtual-table.js';
import { type RunNews, runAsNow } from './run-as-now.js';

export type RunItem = Answers['RunItem'];

const grid = 'run-columns';

export function RunHeader() {
  return (
    <WorkHeader grid={grid}>
      <HeadCell>Status</HeadCell>
      <HeadCell>Run</HeadCell>
      <HeadCell>
        Name<span className="2xl:hidden"> and error</span>
      </HeadCell>
      <HeadCell>Agent</HeadCell>
      <HeadCell>Started</HeadCell>
      <HeadCell isNumber>Duration</HeadCell>
      <HeadCell isNumber title="Tasks that failed, of those that ended">
        Tasks
      </HeadCell>
      <HeadCell isNumber title="Step attempts that failed, of those that ended">
        Steps
      </HeadCell>
      <HeadCell isNumber>Tokens</HeadCell>
      <HeadCell isNumber>Cost</HeadCell>
      <HeadCell className="ps-4 max-2xl:hidden">Error</HeadCell>
    </WorkHeader>
  );
}

/** A run of the list; without it, its place while it is on its way. */
export const RunRow = memo(function RunRow({
  row,
  state,
  latest,
  index,
  marked,
  isOneLine,
  onMark,
}: WorkRowOptions &
  RunNews & {
    readonly row: RunItem | undefined;
    readonly onMark: (id: string, index: number) => void;
  }) {
  if (row === undefined) return <PlaceOfRow marked={marked} />;
  const run = runAsNow(row, { state, latest });
  const Cells = isOneLine ? OneLine : TwoLines;
  return (
    <WorkRow index={index} marked={marked} isOneLine={isOneLine} grid={grid}>
      <Cells run={run} onGo={() => onMark(run.run_id, index)} />
    </WorkRow>
  );
});

interface CellsOptions {
  readonly run: RunItem;
  readonly onGo: () => void;
}

function OneLine({ run, onGo }: CellsOptions) {
  return (
    <>
      <Cell>
        <Status status={run.status} />
      </Cell>
      <Cell>
        <RowLink id={run.run_id} href={links.run(run.run_id)} onGo={onGo} />
      </Cell>
      <Cell className="flex min-w-0 gap-2">
        <span className={run.error_preview === null ? 'min-w-0' : nameBesideError}>
          <Cut text={run.name} />
        </span>
        {run.error_preview !== null && (
          <span className="min-w-0 2xl:hidden">
            <Cut text={run.error_preview} className="text-bad" />
          </span>
        )}
      </Cell>
      <Cell>
        <AgentLink run={run} />
      </Cell>
      <Cell>
        <Time at={run.started_at} />
      </Cell>
      <Cell isNumber>
        <Took ms={run.duration_ms} runningSince={run.status === 'running' ? run.started_at : null} />
      </Cell>
      <Cell isNumber>
        <Failed failed={run.tasks_failed} ended={run.tasks_ended} what="tasks" />
      </Cell>
      <Cell isNumber>
        <Failed failed={run.steps_failed} ended={run.steps_ended} what="step attempts" />
      </Cell>
      <Cell isNumber>
        <TokenCount tokens={run.total.tokens} />
      </Cell>
      <Cell isNumber>
        <Cost cents={run.total.cost_cents} unpriced={run.total.tokens_unpriced} />
      </Cell>
      <Cell className="ps-4 max-2xl:hidden">
        {run.error_preview !== null && <Cut text={run.error_preview} className="text-bad" />}
      </Cell>
    </>
  );
}

function TwoLines({ run, onGo }: CellsOptions) {
  const failed = run.tasks_failed + run.steps_failed;
  return (
    <>
      <Cell className="flex items-center gap-2">
        <Status status={run.status} />
        <span className="min-w-0 flex-1">
          <RowLink id={run.run_id} href={links.run(run.run_id)} onGo={onGo} />
        </span>
        <Took ms={run.duration_ms} runningSince={run.status === 'running' ? run.started_at : null} />
      </Cell>
      <Cell className="flex items-center gap-2 text-xs text-soft">
        <span className="min-w-0 flex-1">
          {run.error_preview === null ? <Cut text={run.name} /> : <Cut text={run.error_preview} className="text-bad" />}
        </span>
        <span className="max-w-[30%] min-w-0">
          <AgentLink run={run} />
        </span>
        {failed > 0 && (
          <span className="whitespace-nowrap text-bad" title="Tasks and step attempts that failed">
            {`${formatCount(failed)} failed`}
          </span>
        )}
        <span className="max-md:hidden">
          <TokenCount tokens={run.total.tokens} /> tokens
        </span>
        <span className="max-md:hidden">
          <Cost cents={run.total.cost_cents} unpriced={run.total.tokens_unpriced} />
        </span>
        <Time at={run.started_at} />
      </Cell>
    </>
  );
}

function AgentLink({ run }: { readonly run: RunItem }) {
  return (
    <Link href={links.agent(run.agent_id)} title={run.agent_id} className={rowLink}>
      <bdi>{run.agent_name ?? run.agent_id}</bdi>
    </Link>
  );
}
