import { memo } from 'react';
import { Link } from 'wouter';
import type { Answers } from '../../api/client.js';
import type { LiveEvent } from '../../live/live-messages.js';
import { Status } from '../../parts/status.js';
import { Time } from '../../parts/time.js';
import { links } from '../../routing/links.js';
import { statusOfEvent, taskKey } from '../../work/fresh-work.js';
import { Cost, Cut, nameBesideError, RowLink, rowLink, TokenCount, Took } from '../../work/row-cells.js';
import { Cell, HeadCell, PlaceOfRow, WorkHeader, WorkRow, type WorkRowOptions } from '../../work/virtual-table.js';

export type TaskItem = Answers['TaskItem'];

const grid = 'task-columns';
const own = 'Of the task itself, without its steps; its page adds them up';

export function TaskHeader() {
  return (
    <WorkHeader grid={grid}>
      <HeadCell>Status</HeadCell>
      <HeadCell>Task</HeadCell>
      <HeadCell>
        Name<span className="2xl:hidden"> and error</span>
      </HeadCell>
      <HeadCell>Agent</HeadCell>
      <HeadCell>Run</HeadCell>
      <HeadCell>Started</HeadCell>
      <HeadCell isNumber>Duration</HeadCell>
      <HeadCell isNumber title={own}>
        Tokens
      </HeadCell>
      <HeadCell isNumber title={own}>
        Cost
      </HeadCell>
      <HeadCell className="ps-4 max-2xl:hidden">Error</HeadCell>
    </WorkHeader>
  );
}

/** A task of the list; without it, its place while it is on its way. `latest` is what was heard of it since. */
export const TaskRow = memo(function TaskRow({
  row,
  latest,
  onMark,
  ...options
}: WorkRowOptions & {
  readonly row: TaskItem | undefined;
  readonly latest: LiveEvent | undefined;
  readonly onMark: (id: string, index: number) => void;
}) {
  if (row === undefined) return <PlaceOfRow marked={options.marked} />;
  const task = latest === undefined ? row : taskAsNow(row, latest);
  const Cells = options.isOneLine ? OneLine : TwoLines;
  return (
    <WorkRow {...options} grid={grid}>
      <Cells task={task} onGo={() => onMark(taskKey(task), options.index)} />
    </WorkRow>
  );
});

/** A task that ended in the store stays ended. */
function taskAsNow(task: TaskItem, event: LiveEvent): TaskItem {
  const state = statusOfEvent('task', event);
  if (state === undefined || !['pending', 'running', 'orphaned'].includes(task.state)) return task;
  return {
    ...task,
    state,
    duration_ms: event.duration_ms ?? task.duration_ms,
    error_preview: event.error_message ?? task.error_preview,
  };
}

interface CellsOptions {
  readonly task: TaskItem;
  readonly onGo: () => void;
}

function OneLine({ task, onGo }: CellsOptions) {
  return (
    <>
      <Cell>
        <Status status={task.state} />
      </Cell>
      <Cell>
        <RowLink id={task.task_id} href={links.task(task)} onGo={onGo} />
      </Cell>
      <Cell className="flex gap-2">
        <span className={task.error_preview === null ? 'min-w-0' : nameBesideError}>
          <Cut text={task.name} />
        </span>
        {task.error_preview !== null && (
          <span className="min-w-0 2xl:hidden">
            <Cut text={task.error_preview} className="text-bad" />
          </span>
        )}
      </Cell>
      <Cell>
        <AgentLink task={task} />
      </Cell>
      <Cell>
        <RunLink task={task} />
      </Cell>
      <Cell>
        <Time at={task.start_time} />
      </Cell>
      <Cell isNumber>
        <TaskTook task={task} />
      </Cell>
      <Cell isNumber>
        <TokenCount tokens={task.tokens} />
      </Cell>
      <Cell isNumber>
        <Cost cents={task.cost_cents} unpriced={task.tokens_unpriced} />
      </Cell>
      <Cell className="ps-4 max-2xl:hidden">
        {task.error_preview !== null && <Cut text={task.error_preview} className="text-bad" />}
      </Cell>
    </>
  );
}

function TwoLines({ task, onGo }: CellsOptions) {
  return (
    <>
      <Cell className="flex items-center gap-2">
        <Status status={task.state} />
        <span className="min-w-0 flex-1">
          <RowLink id={task.task_id} href={links.task(task)} onGo={onGo} />
        </span>
        <TaskTook task={task} />
      </Cell>
      <Cell className="flex items-center gap-2 text-xs text-soft">
        <span className="min-w-0 flex-1">
          {task.error_preview === null ? (
            <Cut text={task.name} />
          ) : (
            <Cut text={task.error_preview} className="text-bad" />
          )}
        </span>
        <span className="max-w-[30%] min-w-0">
          <AgentLink task={task} />
        </span>
        <span className="max-md:hidden">
          <TokenCount tokens={task.tokens} /> tokens
        </span>
        <span className="max-md:hidden">
          <Cost cents={task.cost_cents} unpriced={task.tokens_unpriced} />
        </span>
        <Time at={task.start_time} />
      </Cell>
    </>
  );
}

function TaskTook({ task }: { readonly task: TaskItem }) {
  return <Took ms={task.duration_ms} runningSince={task.state === 'running' ? task.start_time : null} />;
}

function AgentLink({ task }: { readonly task: TaskItem }) {
  return (
    <Link href={links.agent(task.agent_id)} title={task.agent_id} className={rowLink}>
      <bdi>{task.agent_name ?? task.agent_id}</bdi>
    </Link>
  );
}

function RunLink({ task }: { readonly task: TaskItem }) {
  if (task.run_id === null) return <Cut text={null} />;
  return (
    <Link href={links.run(task.run_id)} title={task.run_id} className={rowLink}>
      <bdi className="font-mono text-[0.92em]">{task.run_id}</bdi>
    </Link>
  );
}
