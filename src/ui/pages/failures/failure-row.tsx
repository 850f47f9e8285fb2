import { memo } from 'react';
import { Link } from 'wouter';
import type { Answers } from '../../api/client.js';
import { formatDuration } from '../../format/durations.js';
import { Time } from '../../parts/time.js';
import { links } from '../../routing/links.js';
import { Cut, RowLink } from '../../work/row-cells.js';
import { Cell, HeadCell, PlaceOfRow, WorkHeader, WorkRow, type WorkRowOptions } from '../../work/virtual-table.js';

export type Failure = Answers['Failure'];

const columns =
  'grid-cols-[8.5rem_5.5rem_3rem_minmax(7rem,1.2fr)_minmax(6rem,.9fr)_minmax(6rem,.9fr)_minmax(10rem,3fr)_4.5rem]';
const grid = `grid items-center gap-x-3 ${columns}`;

/** A failed attempt has no id: it is what it is of, and when. */
export function idOfFailure({ kind, agent_id, run_id, task_id, step_id, attempt, failed_at }: Failure): string {
  return JSON.stringify([kind, agent_id, run_id, task_id, step_id, attempt, failed_at]);
}

/** Its run, or its task or agent where it has none. */
export function placeOfFailure({ agent_id, run_id, task_id }: Failure): string {
  if (run_id !== null) return links.run(run_id);
  return task_id === null ? links.agent(agent_id) : links.task({ task_id, agent_id });
}

const outcomes: Readonly<Record<Failure['status'], { readonly look: string; readonly says: string }>> = {
  failed: { look: 'bg-bad-soft text-bad', says: 'No later try began' },
  retried: { look: 'bg-busy-soft text-busy', says: 'A later try began, none completed so far' },
  recovered: { look: 'bg-good-soft text-good', says: 'A later try completed' },
};

const outcomeNames = { failed: 'for good', retried: 'tried again', recovered: 'recovered' } as const;

function Outcome({ status }: { readonly status: Failure['status'] }) {
  const { look, says } = outcomes[status];
  return (
    <span title={says} className={`inline-block rounded px-1.5 py-0.5 text-xs font-medium whitespace-nowrap ${look}`}>
      {outcomeNames[status]}
    </span>
  );
}

export function FailureHeader() {
  return (
    <WorkHeader grid={grid}>
      <HeadCell>Failed</HeadCell>
      <HeadCell>Outcome</HeadCell>
      <HeadCell>Of</HeadCell>
      <HeadCell>Run</HeadCell>
      <HeadCell>Agent</HeadCell>
      <HeadCell>Name</HeadCell>
      <HeadCell>Error</HeadCell>
      <HeadCell isNumber>Duration</HeadCell>
    </WorkHeader>
  );
}

export const FailureRow = memo(function FailureRow({
  row,
  index,
  marked,
  isOneLine,
  onMark,
}: WorkRowOptions & {
  readonly row: Failure | undefined;
  readonly onMark: (id: string, index: number) => void;
}) {
  if (row === undefined) return <PlaceOfRow marked={marked} />;
  const onGo = () => onMark(idOfFailure(row), index);
  return (
    <WorkRow index={index} marked={marked} isOneLine={isOneLine} grid={grid}>
      {isOneLine ? <OneLine row={row} onGo={onGo} /> : <TwoLines row={row} onGo={onGo} />}
    </WorkRow>
  );
});

interface CellsOptions {
  readonly row: Failure;
  readonly onGo: () => void;
}

function OneLine({ row, onGo }: CellsOptions) {
  return (
    <>
      <Cell>
        <Time at={row.failed_at} />
      </Cell>
      <Cell>
        <Outcome status={row.status} />
      </Cell>
      <Cell className="text-soft">
        <TaskLink row={row} />
      </Cell>
      <Cell>
        <Place row={row} onGo={onGo} />
      </Cell>
      <Cell>
        <Cut text={row.agent_id} />
      </Cell>
      <Cell>
        <Cut text={nameOf(row)} />
      </Cell>
      <Cell>
        <Cut text={errorOf(row)} className="text-bad" />
      </Cell>
      <Cell isNumber className="tabular text-soft">
        {formatDuration(row.duration_ms)}
      </Cell>
    </>
  );
}

function TwoLines({ row, onGo }: CellsOptions) {
  return (
    <>
      <Cell className="flex items-center gap-2">
        <Outcome status={row.status} />
        <span className="min-w-0 flex-1">
          <Place row={row} onGo={onGo} />
        </span>
        <span className="shrink-0 text-xs text-soft">
          <Time at={row.failed_at} />
        </span>
      </Cell>
      <Cell className="flex items-center gap-2 text-xs">
        <span className="shrink-0 text-soft">
          <TaskLink row={row} />
        </span>
        <Cut text={errorOf(row)} className="text-bad" />
      </Cell>
    </>
  );
}

function Place({ row, onGo }: CellsOptions) {
  return <RowLink id={row.run_id ?? row.task_id ?? row.agent_id} href={placeOfFailure(row)} onGo={onGo} />;
}

/** What failed; of a task, and of a step of one, it leads to the task. */
function TaskLink({ row: { kind, task_id, run_id, agent_id } }: { readonly row: Failure }) {
  if (task_id === null) return <span>{kind}</span>;
  return (
    <Link
      href={links.task({ task_id, run_id, agent_id })}
      title={`Go to task ${task_id}`}
      className="relative z-10 text-accent hover:underline"
    >
      {kind}
    </Link>
  );
}

function nameOf({ name, attempt }: Failure): string | null {
  return name === null || attempt === null || attempt < 2 ? name : `${name}, try ${attempt}`;
}

function errorOf({ error_category, error_code, error_message }: Failure): string | null {
  const cause = [error_category, error_code].filter((part) => part !== null).join(' ');
  return [cause, error_message].filter((part) => part !== null && part !== '').join(': ') || null;
}
