import { Link } from 'wouter';
import { useSession } from '../../api/session.js';
import { formatDuration } from '../../format/durations.js';
import { formatCost, formatCount, formatExact, unknown, unpricedNote } from '../../format/numbers.js';
import type { LiveRun, LiveTask } from '../../live/live-messages.js';
import type { RunsUnderWay } from '../../live/runs-under-way.js';
import { Figure, Figures } from '../../parts/figures.js';
import { Id } from '../../parts/id.js';
import { Panel } from '../../parts/panel.js';
import { Status } from '../../parts/status.js';
import { Time, useNow } from '../../parts/time.js';
import { links } from '../../routing/links.js';

const listedMax = 50;

export function UnderWayPanel({ runs }: { readonly runs: RunsUnderWay; readonly drawing: number }) {
  const nowMs = useNow(1_000);
  const { who } = useSession();
  const { beginning } = runs;
  const listed = runs.list(nowMs);
  const counts = runs.counts();
  return (
    <Panel
      title="Under way"
      className="flex max-h-72 shrink-0 flex-col 2xl:max-h-none 2xl:w-[30rem]"
      aside={
        beginning !== null && (
          <span>
            kept up to date since <Time at={beginning.at} />
          </span>
        )
      }
    >
      {beginning === null ? (
        <p className="text-sm text-soft">The collector has not told yet.</p>
      ) : (
        <>
          <Figures>
            <Figure name="Runs" value={formatCount(counts.runs)} exact={formatExact(counts.runs)} />
            <Figure name="Their open tasks" value={formatCount(counts.tasks)} exact={formatExact(counts.tasks)} />
            <Figure name="Their running steps" value={formatCount(counts.steps)} exact={formatExact(counts.steps)} />
          </Figures>
          {beginning.runsTotal > beginning.runsTold && (
            <p className="mt-2 text-sm text-warn">
              {formatExact(beginning.runsTotal)} runs were under way at the beginning; the {beginning.runsTold} that
              were heard of last are counted here, and those heard of since.
            </p>
          )}
          {who.user_id !== null && (
            <p className="mt-2 text-sm text-warn">
              Your key is of one user, and progress is not told to it: these numbers are of the beginning.
            </p>
          )}
          <RunList runs={listed} nowMs={nowMs} />
          <LoneTasks tasks={beginning.loneTasks} at={beginning.at} />
        </>
      )}
    </Panel>
  );
}

function RunList({ runs, nowMs }: { readonly runs: readonly LiveRun[]; readonly nowMs: number }) {
  if (runs.length === 0) return <p className="mt-3 text-sm text-soft">No run is under way.</p>;
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reached by the keyboard
    <section aria-label="Runs under way" tabIndex={0} className="mt-3 min-h-0 flex-1 overflow-auto">
      <ul>
        {runs.slice(0, listedMax).map((run) => (
          <RunLine key={run.run_id} run={run} nowMs={nowMs} />
        ))}
      </ul>
      {runs.length > listedMax && (
        <p className="pt-2 text-sm text-soft">
          And {formatExact(runs.length - listedMax)} more:{' '}
          <Link href={links.runs({ status: 'running' })} className="text-accent hover:underline">
            all running runs
          </Link>
        </p>
      )}
    </section>
  );
}

/** Their progress is not told: they are shown as they were at the beginning. */
function LoneTasks({ tasks, at }: { readonly tasks: readonly LiveTask[]; readonly at: string }) {
  if (tasks.length === 0) return null;
  const count = tasks.length === 1 ? '1 task of no run was' : `${formatExact(tasks.length)} tasks of no run were`;
  return (
    <details className="mt-2 min-h-0 shrink-0 text-sm">
      <summary className="text-soft">
        {count} open at <Time at={at} />
      </summary>
      <ul className="max-h-40 overflow-y-auto pt-1">
        {tasks.slice(0, listedMax).map((task) => (
          <li key={`${task.agent_id} ${task.task_id}`} className="flex min-w-0 items-center gap-3">
            <Id id={task.task_id} href={links.task(task)} />
            <bdi className="truncate text-soft">{task.agent_id}</bdi>
          </li>
        ))}
      </ul>
    </details>
  );
}

function RunLine({ run, nowMs }: { readonly run: LiveRun; readonly nowMs: number }) {
  const { tasks, steps, tokens } = run;
  const end = run.status === 'running' ? nowMs : Date.parse(run.last_event_at);
  const lasted = run.started_at === null ? unknown : formatDuration(floorToSecond(end - Date.parse(run.started_at)));
  return (
    <li className="border-t border-line/60 py-1.5 text-sm">
      <div className="flex min-w-0 items-center gap-2">
        <Status status={run.status} />
        <span className="min-w-0 flex-1">
          <Id id={run.run_id} href={links.run(run.run_id)} />
        </span>
        <span className="tabular shrink-0 text-soft">{lasted}</span>
      </div>
      <div className="flex min-w-0 flex-wrap gap-x-3 text-xs text-soft">
        <bdi className="max-w-48 truncate">{run.agent_ids.join(', ')}</bdi>
        {run.name !== null && <bdi className="max-w-48 truncate">{run.name}</bdi>}
        <span>{progressOf('task', tasks.pending + tasks.running, tasks.completed, tasks.failed)}</span>
        <span>{progressOf('step', steps.running, steps.completed, steps.failed)}</span>
        <span title={unpricedNote(run.tokens_unpriced) ?? undefined}>
          {formatCount(tokens.total)} tokens, {formatCost(run.cost_micros === null ? null : run.cost_micros / 10_000)}
          {run.tokens_unpriced ? ` (${unpricedNote(run.tokens_unpriced)})` : ''}
        </span>
      </div>
    </li>
  );
}

function progressOf(noun: string, open: number, done: number, failed: number): string {
  const parts = [`${formatCount(open)} open`, `${formatCount(done)} done`];
  if (failed > 0) parts.push(`${formatCount(failed)} failed`);
  return `${noun}s: ${parts.join(', ')}`;
}

function floorToSecond(ms: number): number {
  return Math.max(0, Math.floor(ms / 1_000) * 1_000);
}
