import type { ReactNode } from 'react';
import { Link } from 'wouter';
import type { Answers } from '../../api/client.js';
import { formatDuration } from '../../format/durations.js';
import { formatCost, formatCount, formatExact, unpricedNote } from '../../format/numbers.js';
import { Id } from '../../parts/id.js';
import { Stat, Stats } from '../../parts/stat.js';
import { Time } from '../../parts/time.js';
import { links } from '../../routing/links.js';
import type { LoadedTimeline } from './use-timeline.js';

type Run = Answers['Run'];

/** The numbers of a run, and where else it leads. */
export function RunFacts({
  run,
  loaded,
  tookMs,
}: {
  readonly run: Run;
  readonly loaded: LoadedTimeline;
  /** Until now, while it runs. */
  readonly tookMs: number | null;
}) {
  const root = loaded.nodes.find(({ type }) => type === 'run');
  const total = root?.total ?? run.total;
  const critical = loaded.timeline?.critical_path.duration_ms;
  return (
    <div className="flex flex-col gap-3">
      <Stats>
        <Stat
          name="Took"
          value={formatDuration(tookMs)}
          note={critical ? `${formatDuration(critical)} critical` : null}
        />
        <Stat
          name="Tasks"
          value={formatCount(run.tasks_ended)}
          note={run.tasks_failed > 0 ? `${run.tasks_failed} failed` : 'none failed'}
        />
        <Stat
          name="Step attempts"
          value={formatCount(run.steps_ended)}
          note={run.steps_failed > 0 ? `${run.steps_failed} failed` : 'none failed'}
        />
        <Stat
          name="Tokens"
          value={formatCount(total.tokens.total)}
          exact={formatExact(total.tokens.total)}
          note={`${formatCount(total.tokens.in)} in, ${formatCount(total.tokens.out)} out`}
        />
        <Stat name="Cost" value={formatCost(total.cost_cents)} note={unpricedNote(total.tokens_unpriced)} />
        <Stat name="LLM calls" value={formatCount(total.llm_calls)} />
      </Stats>
      <div className="flex flex-wrap gap-x-6 gap-y-1 text-sm">
        <Context run={run} />
        {run.total_tasks > 0 && (
          <Link href={links.tasks({ run_id: run.run_id })} className="text-accent hover:underline">
            {run.total_tasks === 1 ? 'Its task' : `All ${formatCount(run.total_tasks)} tasks`}
          </Link>
        )}
      </div>
      {run.error_category !== null && (
        <p className="foreign rounded-md bg-bad-soft px-3 py-2 text-bad">
          <Link
            href={links.failures({ category: run.error_category, code: run.error_code })}
            className="font-medium underline"
          >
            {run.error_category}
            {run.error_code !== null && `: ${run.error_code}`}
          </Link>{' '}
          {run.error_message}
        </p>
      )}
      <LifeNotes run={run} loaded={loaded} />
    </div>
  );
}

function Context({ run }: { readonly run: Run }) {
  const facts: readonly (readonly [string, ReactNode])[] = [
    ['Started', <Time key="t" at={run.started_at ?? run.first_event_at} />],
    ...run.agents
      .slice(0, 5)
      .map((agent): readonly [string, ReactNode] => ['Agent', <Id key={agent} id={agent} href={links.agent(agent)} />]),
    ['User', filterLink('user_id', run.user_id)],
    ['Session', filterLink('session_id', run.session_id)],
    ['Flow', filterLink('flow_id', run.flow_id)],
    ['Crew', filterLink('crew_id', run.crew_id)],
    ['Environment', filterLink('environment', run.environment)],
    ['Version', run.agent_version],
  ];
  return (
    <dl className="contents">
      {facts.map(([name, value], index) =>
        value === null ? null : (
          // biome-ignore lint/suspicious/noArrayIndexKey: agents share a name, and the order is fixed
          <div key={`${name}${index}`} className="flex max-w-full min-w-0 gap-1.5">
            <dt className="text-soft">{name}</dt>
            <dd className="foreign min-w-0">{value}</dd>
          </div>
        ),
      )}
    </dl>
  );
}

function filterLink(name: string, value: string | null): ReactNode {
  return value === null ? null : <Id id={value} href={links.runs({ [name]: value })} />;
}

/** What cannot be shown any more, or not all of, is said. */
function LifeNotes({ run, loaded }: { readonly run: Run; readonly loaded: LoadedTimeline }) {
  const { timeline, nodes, whole } = loaded;
  const notes = [
    run.status === 'orphaned' && 'The run has no end, and nothing was heard of it for a long time.',
    (timeline?.steps_expired ?? run.steps_expired) &&
      'Its steps are older than events are kept: only the run and its tasks are left.',
    timeline?.truncated === true &&
      `It has ${formatExact(timeline.total_attempts)} attempts, more than a timeline holds: the first are shown.`,
    timeline !== undefined &&
      !whole &&
      `${formatExact(nodes.length)} of ${formatExact(timeline.total_nodes)} pieces of work are here, the rest comes.`,
  ].filter((note) => note !== false);
  return notes.map((note) => (
    <p key={note} className="text-sm text-warn">
      {note}
    </p>
  ));
}
