import type { ReactNode } from 'react';
import { Link } from 'wouter';
import type { Answers } from '../../api/client.js';
import { formatCost, formatCount, formatExact, formatPercent, unpricedNote } from '../../format/numbers.js';
import { Id } from '../../parts/id.js';
import { Stat, Stats } from '../../parts/stat.js';
import { Time } from '../../parts/time.js';
import { links } from '../../routing/links.js';
import { Took } from '../../work/row-cells.js';
import { taskUsage, type UsageSum } from './step-groups.js';

export type Task = Answers['Task'];

/** The numbers of a task; usage is that of the task and its steps. */
export function TaskNumbers({ task }: { readonly task: Task }) {
  const failed = task.steps.filter(({ status }) => status === 'failed').length;
  const usage = taskUsage(task);
  const more = task.steps_truncated || task.attempts_truncated || task.steps_expired ? '+' : '';
  return (
    <Stats>
      <Stat
        name="Took"
        value={<Took ms={task.duration_ms} runningSince={task.state === 'running' ? task.start_time : null} />}
      />
      <Stat name="Attempts" value={countOf(task.attempts, task.attempts_truncated)} />
      <Stat
        name="Step attempts"
        value={countOf(task.steps, task.steps_truncated)}
        note={task.steps.length === 0 ? null : failed === 0 ? 'none failed' : `${formatCount(failed)} failed`}
      />
      <Stat
        name="Tokens"
        value={`${formatCount(usage.tokens.total)}${more}`}
        exact={formatExact(usage.tokens.total)}
        note={tokenNote(task, usage)}
      />
      <Stat
        name="Cost"
        value={`${formatCost(usage.costCents)}${more}`}
        note={unpricedNote(usage.tokensUnpriced) ?? task.cost_source}
      />
      <Stat name="LLM calls" value={`${formatCount(usage.llmCalls)}${more}`} />
      {task.confidence !== null && <Stat name="Confidence" value={formatPercent(100 * task.confidence)} />}
      {task.memory_mb !== null && <Stat name="Memory" value={`${Number(task.memory_mb.toPrecision(3))} MB`} />}
    </Stats>
  );
}

function countOf(list: readonly unknown[], truncated: boolean): string {
  return `${formatCount(list.length)}${truncated ? '+' : ''}`;
}

function tokenNote(task: Task, { tokens }: UsageSum): string | null {
  if (tokens.total === 0) return null;
  const parts = [
    `${formatCount(tokens.in)} in, ${formatCount(tokens.out)} out`,
    task.tokens_cache_read > 0 && `${formatCount(task.tokens_cache_read)} read from a cache`,
    task.tokens_cache_write > 0 && `${formatCount(task.tokens_cache_write)} written to a cache`,
    task.tokens_reasoning > 0 && `${formatCount(task.tokens_reasoning)} of reasoning`,
  ];
  return parts.filter(Boolean).join('; ');
}

/** Who did it, for whom, where, when; each leads to what else there is of it. */
export function TaskContext({ task }: { readonly task: Task }) {
  const listed = (name: string, value: string | null) =>
    value === null ? null : <Id id={value} href={links.tasks({ [name]: value })} />;
  const facts: readonly (readonly [name: string, value: ReactNode])[] = [
    ['Task', <Id key="id" id={task.task_id} />],
    ['Run', task.run_id === null ? null : <Id key="run" id={task.run_id} href={links.run(task.run_id)} />],
    ['Agent', <Id key="agent" id={task.agent_id} href={links.agent(task.agent_id)} />],
    ['Agent name', task.agent_name],
    ['Version', task.agent_version],
    ['Parent', task.parent_id === null ? null : <Id key="parent" id={task.parent_id} />],
    ['User', listed('user_id', task.user_id)],
    ['Session', listed('session_id', task.session_id)],
    ['Crew', listed('crew_id', task.crew_id)],
    ['Flow', listed('flow_id', task.flow_id)],
    ['Engagement', listed('engagement_id', task.engagement_id)],
    ['Environment', listed('environment', task.environment)],
    ['Model', listed('model', task.model)],
    ['Provider', listed('provider', task.provider)],
    ['Finished because', task.finish_reason],
    ['Started', task.started_at === null ? null : <Time key="started" at={task.started_at} />],
    ['Ended', task.end_time === null ? null : <Time key="ended" at={task.end_time} />],
    ['Last told of', <Time key="updated" at={task.updated_at} />],
  ];
  return (
    <dl className="grid grid-cols-[repeat(auto-fill,minmax(min(100%,17rem),1fr))] gap-x-6 gap-y-1.5 text-sm">
      {facts.map(([name, value]) =>
        value === null ? null : (
          <div key={name} className="flex min-w-0 items-baseline gap-2">
            <dt className="w-24 shrink-0 text-soft">{name}</dt>
            <dd className="foreign min-w-0">{value}</dd>
          </div>
        ),
      )}
    </dl>
  );
}

/** What it failed of, with the way to what else failed so. */
export function TaskError({ task }: { readonly task: Task }) {
  if (task.error_category === null && task.error_message === null) return null;
  const { error_category: category, error_code: code } = task;
  return (
    <div className="rounded-md bg-bad-soft px-3 py-2 text-bad">
      {category !== null && (
        <Link href={links.failures({ category, code })} className="foreign font-medium underline">
          {category}
          {code !== null && `: ${code}`}
        </Link>
      )}
      {task.error_message !== null && <p className="foreign whitespace-pre-wrap">{task.error_message}</p>}
    </div>
  );
}

/** What cannot be shown any more, or not all of, is said. */
export function TaskNotes({ task }: { readonly task: Task }) {
  const notes = [
    task.state === 'orphaned' && 'The task has no end, and nothing was heard of it for a long time.',
    task.steps_expired &&
      'The task is older than events are kept: its attempts, steps and logs are gone, the task itself is left.',
    task.conflicting_ends > 0 &&
      `Ends that came after another one: ${formatExact(task.conflicting_ends)}. The state is of the latest, and only ` +
        'the first is counted.',
    task.attempts_truncated && `It has more attempts than are shown: the first ${formatExact(task.attempts.length)}.`,
    task.steps_truncated && `It has more step attempts than are shown: the first ${formatExact(task.steps.length)}.`,
  ].filter((note) => note !== false);
  return notes.map((note) => (
    <p key={note} className="text-sm text-warn">
      {note}
    </p>
  ));
}
