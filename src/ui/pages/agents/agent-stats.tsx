import type { Answers } from '../../api/client.js';
import type { Answer } from '../../api/use-answer.js';
import { formatDuration } from '../../format/durations.js';
import {
  formatBytes,
  formatCost,
  formatCount,
  formatExact,
  formatPercent,
  formatRatio,
  unpricedNote,
} from '../../format/numbers.js';
import { AnswerView, AsOf } from '../../parts/answer-view.js';
import { EmptyNote } from '../../parts/notes.js';
import { Panel } from '../../parts/panel.js';
import { Stat, Stats } from '../../parts/stat.js';
import { Time } from '../../parts/time.js';
import { significantSentences, type Trend, trendSentence, verdict } from './trend-words.js';

type Metrics = Answers['GetAgentMetricsAnswer'];

/** What the agent did in the range, as the metrics tell it. */
export function AgentStats({ metrics }: { readonly metrics: Answer<Metrics> }) {
  return (
    <Panel title="In the range" aside={<AsOf answer={metrics} />}>
      <AnswerView answer={metrics}>
        {(of) => (
          <div className="flex flex-col gap-4">
            <p className="text-sm text-soft">
              <Time at={of.from} />{' '}
              {of.time_range === null ? (
                <>
                  to <Time at={of.to} />
                </>
              ) : (
                'until now'
              )}
              {of.metric_type === 'aggregated' ? ', whole UTC days' : ', to the minute'}
            </p>
            {of.total_executions === 0 && of.tokens.total === 0 && of.llm_calls === 0 ? (
              <EmptyNote>Nothing of this agent ended in this range.</EmptyNote>
            ) : (
              <Numbers of={of} />
            )}
            <Trends of={of} />
          </div>
        )}
      </AnswerView>
    </Panel>
  );
}

function Numbers({ of }: { readonly of: Metrics }) {
  const { execution_times: times } = of;
  const isRated = of.successful_executions + of.failed_executions > 0;
  return (
    <Stats>
      <Stat
        name="Executions"
        value={formatCount(of.total_executions)}
        exact={formatExact(of.total_executions)}
        note={of.cancelled_executions > 0 ? `${formatCount(of.cancelled_executions)} cancelled` : null}
      />
      <Stat
        name="Success rate"
        value={formatPercent(isRated ? of.success_rate : null)}
        note={`${formatCount(of.successful_executions)} succeeded`}
      />
      <Stat
        name="Error rate"
        value={formatPercent(isRated ? of.error_rate : null)}
        note={`${formatCount(of.failed_executions)} failed`}
        tone={of.failed_executions > 0 ? 'text-bad' : 'text-ink'}
      />
      <Stat name="p50" value={formatDuration(times.p50_ms)} note={`mean ${formatDuration(times.avg_ms)}`} />
      <Stat name="p95" value={formatDuration(times.p95_ms)} note={`shortest ${formatDuration(times.min_ms)}`} />
      <Stat name="p99" value={formatDuration(times.p99_ms)} note={`longest ${formatDuration(times.max_ms)}`} />
      <Stat
        name="Tokens"
        value={formatCount(of.tokens.total)}
        exact={formatExact(of.tokens.total)}
        note={`${formatCount(of.tokens.in)} in, ${formatCount(of.tokens.out)} out`}
      />
      <Stat name="Cost" value={formatCost(of.cost_cents)} note={unpricedNote(of.tokens_unpriced)} />
      <Stat name="Model calls" value={formatCount(of.llm_calls)} exact={formatExact(of.llm_calls)} />
      <Stat name="Mean confidence" value={formatRatio(of.avg_confidence)} />
      <Stat name="Most memory" value={formatBytes(of.max_memory_mb === null ? null : of.max_memory_mb * 1_000_000)} />
    </Stats>
  );
}

const looks: Readonly<Record<Trend, string>> = {
  improving: 'bg-good-soft text-good',
  declining: 'bg-bad-soft text-bad',
  stable: 'bg-raised text-ink',
  insufficient_data: 'bg-raised text-soft',
  no_data: 'bg-raised text-soft',
};

function Trends({ of }: { readonly of: Metrics }) {
  return (
    <dl className="grid gap-x-6 gap-y-3 text-sm lg:grid-cols-2">
      <TrendFact name="Trend" trend={of.trend} says={[trendSentence(of)]} />
      <TrendFact name="Significant trend" trend={of.significant_trend} says={significantSentences(of)} />
    </dl>
  );
}

function TrendFact({
  name,
  trend,
  says,
}: {
  readonly name: string;
  readonly trend: Trend;
  readonly says: readonly string[];
}) {
  return (
    <div>
      <dt className="mb-1 text-xs text-soft">{name}</dt>
      <dd>
        <span className={`rounded px-1.5 py-0.5 text-xs font-medium ${looks[trend]}`}>{verdict(trend)}</span>
        {says.map((sentence) => (
          <p key={sentence} className="mt-1">
            {sentence}
          </p>
        ))}
      </dd>
    </div>
  );
}
