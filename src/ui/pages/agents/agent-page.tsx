import { Link } from 'wouter';
import type { Answers } from '../../api/client.js';
import { type Answer, useAnswer } from '../../api/use-answer.js';
import { useFirstEvent } from '../../live/use-first-event.js';
import { Segmented } from '../../parts/choices.js';
import { Id } from '../../parts/id.js';
import { EmptyNote } from '../../parts/notes.js';
import { Page } from '../../parts/page.js';
import { RangePicker, useTimeRange } from '../../parts/range-picker.js';
import { idOfAddress, links } from '../../routing/links.js';
import { choiceOf, useUrlState } from '../../routing/use-url-state.js';
import { AgentBreakdown } from './agent-breakdown.js';
import { AgentErrors } from './agent-errors.js';
import { AgentMemory } from './agent-memory.js';
import { AgentPatterns } from './agent-patterns.js';
import { agentRanges, metricTypes, rangeKey, rangeQuery } from './agent-range.js';
import { AgentRuns } from './agent-runs.js';
import { AgentSeries } from './agent-series.js';
import { AgentStats } from './agent-stats.js';
import { LiveWindows } from './live-windows.js';

/** Windows are in memory: the store is not asked. */
const liveMs = 3_000;
const refreshMs = 30_000;
const fallback = '7d';
const runsShown = 8;

export function AgentPage() {
  const agentId = idOfAddress();
  const live = useAnswer(
    ['agent live', agentId],
    (api, signal) => api.GET('/api/v1/agents/{agent_id}/live', { params: { path: { agent_id: agentId } }, signal }),
    { refreshMs: liveMs },
  );
  const isUnknown = live.problem?.status === 404;
  useFirstEvent(isUnknown, live.retry);
  if (isUnknown) return <UnknownAgent agentId={agentId} />;
  // The store is asked for agents that there are.
  if (live.data === undefined && live.problem === undefined) {
    return (
      <Page title={<bdi className="line-clamp-2">{agentId}</bdi>} name={agentId}>
        <LiveWindows live={live} />
      </Page>
    );
  }
  return <KnownAgent key={agentId} agentId={agentId} live={live} />;
}

function KnownAgent({
  agentId,
  live,
}: {
  readonly agentId: string;
  readonly live: Answer<Answers['GetAgentLiveAnswer']>;
}) {
  const url = useUrlState();
  const range = useTimeRange(fallback);
  const type = choiceOf(url.get('type'), metricTypes);
  const metrics = useAnswer(
    ['agent metrics', agentId, rangeKey(range), type],
    (api, signal) =>
      api.GET('/api/v1/agents/{agent_id}/metrics', {
        params: { path: { agent_id: agentId }, query: { ...rangeQuery(range), metric_type: type } },
        signal,
      }),
    { refreshMs },
  );
  const runs = useAnswer(
    ['agent runs', agentId],
    (api, signal) => api.GET('/api/v1/runs', { params: { query: { agent_id: agentId, limit: runsShown } }, signal }),
    { refreshMs },
  );
  const name = runs.data?.runs.find(({ agent_name }) => agent_name)?.agent_name ?? agentId;
  return (
    <Page title={<bdi className="line-clamp-2">{name}</bdi>} name={name} actions={<AgentLinks agentId={agentId} />}>
      <div className="-mt-3 max-w-full text-sm text-soft">
        <Id id={agentId} />
      </div>
      <LiveWindows live={live} />
      <div className="flex flex-wrap items-center gap-3">
        <RangePicker ranges={agentRanges} fallback={fallback} />
        <Segmented
          label="Numbers"
          choices={metricTypes}
          value={type}
          onChange={(choice) => url.set({ type: choice === 'realtime' ? null : choice, step: null })}
        />
      </div>
      <AgentStats metrics={metrics} />
      <AgentSeries agentId={agentId} range={range} type={type} />
      <AgentErrors agentId={agentId} range={range} type={type} />
      <AgentBreakdown agentId={agentId} range={range} />
      <div className="grid items-start gap-4 xl:grid-cols-2 min-[120rem]:grid-cols-3">
        <AgentRuns agentId={agentId} answer={runs} />
        <AgentPatterns agentId={agentId} />
        <AgentMemory agentId={agentId} range={range} />
      </div>
    </Page>
  );
}

function AgentLinks({ agentId }: { readonly agentId: string }) {
  const places = [
    ['Runs', links.runs({ agent_id: agentId })],
    ['Tasks', links.tasks({ agent_id: agentId })],
    ['Failures', links.failures({ agent_id: agentId })],
    ['Live', links.live({ agent_id: agentId })],
  ] as const;
  return (
    <nav aria-label="Of this agent" className="flex flex-wrap gap-1.5">
      {places.map(([name, href]) => (
        <Link
          key={name}
          href={href}
          className="rounded-md border border-line bg-panel px-2.5 py-1 text-sm text-ink hover:bg-raised"
        >
          {name}
        </Link>
      ))}
    </nav>
  );
}

function UnknownAgent({ agentId }: { readonly agentId: string }) {
  return (
    <Page title="No such agent" name="No such agent">
      <EmptyNote>
        This tenant has no event of an agent <bdi className="foreign font-mono text-ink">{agentId}</bdi>. This page
        shows it by itself when one comes.{' '}
        <Link href={links.agents()} className="text-accent hover:underline">
          All agents
        </Link>
      </EmptyNote>
    </Page>
  );
}
