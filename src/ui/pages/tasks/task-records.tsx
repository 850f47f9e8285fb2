import { Link } from 'wouter';
import type { Answers } from '../../api/client.js';
import { formatDuration } from '../../format/durations.js';
import { formatExact, unknown } from '../../format/numbers.js';
import { Id } from '../../parts/id.js';
import { Panel } from '../../parts/panel.js';
import { Status } from '../../parts/status.js';
import { type Column, Table } from '../../parts/table.js';
import { Time } from '../../parts/time.js';
import { links } from '../../routing/links.js';
import type { Task } from './task-facts.js';

type FailedAttempt = Answers['FailedAttempt'];
type Namesake = Answers['TaskNamesake'];

export function TaskFailures({ task }: { readonly task: Task }) {
  if (task.failures.length === 0) return null;
  const href = links.failures(task.run_id === null ? { agent_id: task.agent_id } : { run_id: task.run_id });
  return (
    <Panel
      title="Failures"
      aside={
        <Link href={href} className="text-accent hover:underline">
          {task.run_id === null ? 'Failures of this agent' : 'Failures of this run'}
        </Link>
      }
    >
      {task.failures_truncated && (
        <p className="mb-2 text-sm text-warn">
          {`There are more: the first ${formatExact(task.failures.length)} are shown.`}
        </p>
      )}
      <ul aria-label="Failed attempts">
        {task.failures.map((failure) => (
          <FailureLine key={`${failure.step_id} ${failure.attempt} ${failure.failed_at}`} failure={failure} />
        ))}
      </ul>
    </Panel>
  );
}

const failureGrid =
  'grid grid-cols-[minmax(0,1fr)_auto] gap-x-4 border-b border-line py-1.5 text-sm last:border-0 ' +
  'lg:grid-cols-[14rem_minmax(0,1fr)_17rem_10rem]';

/** What failed, of what, and what came of it: two lines on a narrow screen. */
function FailureLine({ failure }: { readonly failure: FailedAttempt }) {
  const { type, name, step_id: step, attempt, recovered, retried } = failure;
  const { error_category: category, error_code: code, error_message: message } = failure;
  return (
    <li className={failureGrid}>
      <span className="foreign">
        {name ?? step ?? type}
        <span className="text-soft">{` · attempt ${attempt ?? 1}`}</span>
      </span>
      <span className="text-end lg:order-last">
        {recovered ? (
          <span className="text-good">recovered</span>
        ) : (
          <span className="text-bad">{retried ? 'tried again in vain' : 'not tried again'}</span>
        )}
      </span>
      <span className="foreign max-lg:col-span-2">
        <span className="font-medium">{[category, code].filter((part) => part !== null).join(': ') || unknown}</span>
        {message !== null && <span className="text-soft">{` ${message}`}</span>}
      </span>
      <span className="text-soft max-lg:col-span-2 max-lg:text-xs">
        <Time at={failure.failed_at} />
        <span className="tabular">{`, after ${formatDuration(failure.duration_ms)}`}</span>
      </span>
    </li>
  );
}

const levelLooks: Readonly<Record<string, string>> = { error: 'text-bad', fatal: 'text-bad', warn: 'text-warn' };

export function TaskLogs({ task }: { readonly task: Task }) {
  const { logs, logs_summary: summary, logs_truncated: truncated } = task;
  const levels = Object.entries(summary.by_level).map(([level, count]) => `${formatExact(count)} ${level}`);
  return (
    <Panel title="Logs" aside={levels.length === 0 ? undefined : <span>{levels.join(', ')}</span>}>
      {truncated && (
        <p className="mb-2 text-sm text-warn">
          {`The newest ${formatExact(logs.length)} of ${formatExact(summary.total)} lines are shown.`}
        </p>
      )}
      {logs.length === 0 ? (
        <p className="text-sm text-soft">{task.steps_expired ? 'Its log is gone.' : 'Nothing was logged.'}</p>
      ) : (
        <ol aria-label="Log lines" className="flex flex-col gap-1 font-mono text-[0.92em]">
          {logs.map((line, index) => (
            // biome-ignore lint/suspicious/noArrayIndexKey: lines have no id, and their order is fixed
            <LogLine key={index} line={line} />
          ))}
        </ol>
      )}
    </Panel>
  );
}

function LogLine({ line }: { readonly line: Answers['LogLine'] }) {
  return (
    <li className="flex flex-wrap gap-x-3 sm:flex-nowrap">
      <span className="shrink-0 text-soft">
        <Time at={line.ts} />
      </span>
      <span className={`w-10 shrink-0 ${levelLooks[line.level ?? ''] ?? 'text-soft'}`}>{line.level ?? unknown}</span>
      <span className="foreign min-w-0 whitespace-pre-wrap">{line.message}</span>
      {line.step_id !== null && (
        <span className="foreign ms-auto max-w-40 shrink-0 truncate text-soft">{line.step_id}</span>
      )}
    </li>
  );
}

export function TaskNamesakes({ task }: { readonly task: Task }) {
  if (task.others.length === 0) return null;
  const columns: readonly Column<Namesake>[] = [
    { name: 'Status', cell: ({ status }) => <Status status={status} /> },
    {
      name: 'Of run',
      cell: ({ run_id: run, agent_id: agent }) => (
        <Link
          href={links.task({ task_id: task.task_id, run_id: run, agent_id: agent })}
          className="foreign text-accent hover:underline"
        >
          {run ?? `no run, of ${agent}`}
        </Link>
      ),
    },
    { name: 'Agent', cell: ({ agent_id: agent }) => <Id id={agent} href={links.agent(agent)} /> },
    { name: 'Name', wideOnly: true, cell: ({ name }) => <span className="foreign">{name ?? unknown}</span> },
    { name: 'Started', cell: ({ started_at: at }) => <Time at={at} /> },
  ];
  return (
    <Panel title="Others of the same id">
      <p className="mb-2 text-sm text-soft">
        A task's id is of its run, or of its agent where it has none. These have the id too.
      </p>
      <Table
        label="Tasks of the same id"
        columns={columns}
        rows={task.others}
        rowKey={({ run_id: run, agent_id: agent }) => `${run} ${agent}`}
      />
    </Panel>
  );
}
