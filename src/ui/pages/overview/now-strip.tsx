import { Link } from 'wouter';
import type { Answers } from '../../api/client.js';
import { type Answer, useAnswer } from '../../api/use-answer.js';
import { formatDuration } from '../../format/durations.js';
import { formatCount, formatExact, unknown } from '../../format/numbers.js';
import type { LiveState } from '../../live/use-live.js';
import { AsOf } from '../../parts/answer-view.js';
import { Panel } from '../../parts/panel.js';
import { Stat, Stats } from '../../parts/stat.js';
import { HealthStatus } from '../../parts/status.js';
import { Age, Time } from '../../parts/time.js';
import { links } from '../../routing/links.js';
import { type RunningRuns, runningTotal } from './running-runs.js';

const healthMs = 10_000;
const runStatsMs = 60_000;
const dayMs = 86_400_000;

/** Why it is not known what runs. */
const unheard: Readonly<Record<LiveState, string>> = {
  connecting: 'the live socket is being opened',
  open: 'no snapshot came yet',
  waiting: 'the live socket was lost, it is tried again',
  off: 'nobody listens to the live socket',
};

/** What an on-call person looks at first: is it alive, is it fresh, is something stuck. */
export function NowStrip({
  dashboard,
  running,
  state,
}: {
  readonly dashboard: Answers['GetDashboardAnswer'] | undefined;
  readonly running: RunningRuns;
  readonly state: LiveState;
}) {
  const health = useAnswer(['health'], (api, signal) => api.GET('/health/deep', { signal }), { refreshMs: healthMs });
  const isHeard = running.since !== null && state === 'open';
  return (
    <Panel
      title="Now"
      aside={
        <>
          {health.data !== undefined && (
            <Link href={links.system()} aria-label={`The collector is ${health.data.status}`}>
              <HealthStatus status={health.data.status} />
            </Link>
          )}
          <AsOf answer={health} />
        </>
      }
    >
      <Stats>
        <Stat
          name="Runs under way"
          value={isHeard ? formatCount(runningTotal(running)) : unknown}
          exact={isHeard ? formatExact(runningTotal(running)) : undefined}
          note={isHeard ? `${formatCount(running.openTasks)} open tasks` : unheard[state]}
        />
        <Stat
          name="Freshest event"
          value={<Age at={dashboard?.freshness.newest_received} />}
          note={dashboard?.freshness.newest_received && <Time at={dashboard.freshness.newest_received} />}
        />
        <Undelivered health={health} />
        <RunDurations />
        <Stat
          name="Active agents, 24 h"
          value={formatCount(dashboard?.agents.active_24h)}
          exact={formatExact(dashboard?.agents.active_24h)}
          note={dashboard && `of ${formatCount(dashboard.agents.total)}`}
        />
      </Stats>
    </Panel>
  );
}

function Undelivered({ health: { data, problem } }: { readonly health: Answer<Answers['GetDeepHealthAnswer']> }) {
  const name = 'Oldest undelivered event';
  if (data === undefined || problem !== undefined) return <Stat name={name} value={unknown} note={problem?.message} />;
  const waiting = data.ledger.spooled;
  if (data.oldest_undelivered_at === null) return <Stat name={name} value="None" note="all are in the store" />;
  const isOld = data.status !== 'healthy';
  return (
    <Stat
      name={name}
      value={<Age at={data.oldest_undelivered_at} />}
      note={`${formatCount(waiting)} on the way to the store`}
      tone={isOld ? 'text-warn' : 'text-ink'}
    />
  );
}

/** The API has no percentile of all agents together; that of runs is one of the newest of them. */
function RunDurations() {
  const answer = useAnswer(
    ['run stats', '24h'],
    (api, signal) => {
      const start_date_from = new Date(Date.now() - dayMs).toISOString();
      return api.GET('/api/v1/runs', { params: { query: { start_date_from, limit: 1 } }, signal });
    },
    { refreshMs: runStatsMs },
  );
  const stats = answer.data?.stats;
  return (
    <Stat
      name="p95 of runs, 24 h"
      value={formatDuration(stats?.p95_duration_ms)}
      note={
        stats && (
          <>
            of {stats.is_complete ? '' : 'the newest '}
            {formatCount(stats.runs)} runs, as of <Time at={answer.asOf} />
          </>
        )
      }
    />
  );
}
