import { useRef } from 'react';
import { Link } from 'wouter';
import { type Answer, useAnswer } from '../../api/use-answer.js';
import { useAskedUntilStored } from '../../live/use-asked-until-stored.js';
import { useLive } from '../../live/use-live.js';
import { AnswerView, AsOf } from '../../parts/answer-view.js';
import { EmptyNote } from '../../parts/notes.js';
import { Page } from '../../parts/page.js';
import { Panel } from '../../parts/panel.js';
import { Status } from '../../parts/status.js';
import { idOfAddress, links } from '../../routing/links.js';
import { useUrlState } from '../../routing/use-url-state.js';
import { ValueTable } from '../../work/value-table.js';
import { type Task, TaskContext, TaskError, TaskNotes, TaskNumbers } from './task-facts.js';
import { TaskFailures, TaskLogs, TaskNamesakes } from './task-records.js';
import { TaskAttempts, TaskSteps } from './task-steps.js';

export function TaskPage() {
  const url = useUrlState();
  const taskId = idOfAddress();
  const [runId, agentId] = [url.get('run_id'), url.get('agent_id')];
  const answer = useAnswer(['task', taskId, runId, agentId], (api, signal) =>
    api.GET('/api/v1/monitoring/tasks/{task_id}', {
      params: {
        path: { task_id: taskId },
        query: { ...(runId && { run_id: runId }), ...(agentId && { agent_id: agentId }) },
      },
      signal,
    }),
  );
  useNews(answer, taskId);
  const { data, outdated, problem } = answer;
  if (problem?.status === 404) return <NoSuchTask taskId={taskId} runId={runId} agentId={agentId} />;
  const task = outdated ? undefined : data;
  return (
    <Page
      name={`Task ${task?.name ?? taskId}`}
      title={
        <span className="flex flex-wrap items-center gap-x-3 gap-y-1">
          <span className="foreign">{task?.name ?? taskId}</span>
          {task !== undefined && <Status status={task.state} />}
        </span>
      }
      actions={
        <>
          <AsOf answer={answer} />
          {(runId !== '' || agentId !== '') && (
            <Link href={links.task({ task_id: taskId })} className="text-sm text-accent hover:underline">
              Others of this id
            </Link>
          )}
        </>
      }
    >
      <AnswerView answer={answer}>{(known) => <TaskParts task={known} />}</AnswerView>
    </Page>
  );
}

function TaskParts({ task }: { readonly task: Task }) {
  return (
    <div className="flex flex-col gap-4">
      <Panel title="Task">
        <div className="flex flex-col gap-4">
          <TaskError task={task} />
          <TaskNotes task={task} />
          <TaskNumbers task={task} />
          <TaskContext task={task} />
        </div>
      </Panel>
      <TaskAttempts task={task} />
      <TaskFailures task={task} />
      <div className="grid items-start gap-4 xl:grid-cols-2">
        <Panel title="Inputs">
          <ValueTable label="Inputs" values={task.inputs} empty="No inputs were told." />
        </Panel>
        <Panel title="Outputs">
          <ValueTable label="Outputs" values={task.outputs} empty="No outputs were told." />
        </Panel>
      </div>
      <TaskSteps task={task} />
      <TaskLogs task={task} />
      {Object.keys(task.labels).length > 0 && (
        <Panel title="Labels">
          <ValueTable label="Labels" values={task.labels} empty="" />
        </Panel>
      )}
      <TaskNamesakes task={task} />
    </div>
  );
}

function NoSuchTask({
  taskId,
  runId,
  agentId,
}: {
  readonly taskId: string;
  readonly runId: string;
  readonly agentId: string;
}) {
  return (
    <Page title="There is no such task">
      <EmptyNote>
        No event of yours names the task <bdi className="foreign font-mono">{taskId}</bdi>
        {runId !== '' && (
          <>
            {' '}
            of the run <bdi className="foreign font-mono">{runId}</bdi>
          </>
        )}
        {agentId !== '' && (
          <>
            {' '}
            of the agent <bdi className="foreign font-mono">{agentId}</bdi>
          </>
        )}
        : it may have been erased, be older than tasks are kept, or never have been sent.{' '}
        <Link href={links.tasks()} className="text-accent hover:underline">
          All tasks
        </Link>
      </EmptyNote>
    </Page>
  );
}

/** What was told live is in the store by then, most of the time. */
const storedMs = 2_500;

/** While the task is under way: each time it is heard of, the store is asked a while later, and more seldom after. */
function useNews(answer: Answer<Task>, taskId: string): void {
  const { data, retry } = answer;
  const isOpen = data !== undefined && ['pending', 'running', 'orphaned'].includes(data.state);
  const heard = useRef(() => {});
  const of = data?.run_id ? { run_id: data.run_id } : { agent_id: data?.agent_id ?? '' };
  const state = useLive(isOpen ? of : null, (message) => {
    if (message.op === 'events' && message.events.some(({ task_id: id }) => id === taskId)) heard.current();
  });
  heard.current = useAskedUntilStored(retry, { wanted: isOpen, state, firstMs: storedMs });
}
