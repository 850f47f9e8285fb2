import type { Answers } from '../../api/client.js';
import type { Answer } from '../../api/use-answer.js';
import { formatDuration } from '../../format/durations.js';
import { formatCost, formatCount, formatExact, formatPercent, unpricedNote } from '../../format/numbers.js';
import { AsOf } from '../../parts/answer-view.js';
import { Stat } from '../../parts/stat.js';
import { Status } from '../../parts/status.js';
import { useUrlState } from '../../routing/use-url-state.js';

type RunPage = Answers['RunPage'];
const statuses = ['running', 'completed', 'failed', 'cancelled', 'orphaned'] as const;

/** How the runs of the filter fared: the newest of them, where there are many. */
export function RunStatsStrip({ answer }: { readonly answer: Answer<RunPage> }) {
  if (answer.data === undefined) return null;
  const { stats } = answer.data;
  const unpriced = unpricedNote(stats.tokens_unpriced);
  return (
    <section
      aria-label="How these runs fared"
      className={`rounded-lg border border-line bg-panel px-4 py-3 ${answer.outdated ? 'opacity-60' : ''}`}
    >
      <dl className="grid grid-cols-3 gap-x-6 gap-y-3 sm:flex sm:flex-wrap sm:gap-x-8">
        <Stat
          name="Runs"
          value={`${formatCount(stats.runs)}${stats.is_complete ? '' : '+'}`}
          exact={stats.is_complete ? formatExact(stats.runs) : `More than ${formatExact(stats.runs)}`}
        />
        <Stat name="Success" value={formatPercent(stats.success_rate)} />
        <Stat name="p95 duration" value={formatDuration(stats.p95_duration_ms)} />
        <Stat name="Tokens" value={formatCount(stats.tokens.total)} exact={formatExact(stats.tokens.total)} />
        <Stat name="Cost" value={formatCost(stats.cost_cents)} />
        <ByStatus counts={stats.by_status} />
      </dl>
      <p className="mt-2 flex flex-wrap gap-x-3 text-sm text-soft">
        <span>
          {stats.is_complete
            ? 'Of all runs the filter holds for'
            : `Of the newest ${formatExact(stats.runs)} runs only; there are more`}
        </span>
        {unpriced !== null && <span>{unpriced}</span>}
        <AsOf answer={answer} />
      </p>
    </section>
  );
}

function ByStatus({ counts }: { readonly counts: Answers['RunStats']['by_status'] }) {
  const url = useUrlState();
  const chosen = url.get('status');
  return (
    <div className="col-span-3 min-w-0">
      <dt className="text-xs text-soft">By status</dt>
      <dd className="mt-1 flex flex-wrap gap-x-3 gap-y-1">
        {statuses
          .filter((status) => counts[status] > 0 || chosen === status)
          .map((status) => (
            <button
              key={status}
              type="button"
              aria-pressed={chosen === status}
              title={chosen === status ? 'Show every status' : `Show only ${status}`}
              onClick={() => url.set({ status: chosen === status ? null : status, row: null })}
              className="inline-flex items-center gap-1 rounded hover:opacity-80"
            >
              <Status status={status} />
              <span className="tabular">{formatCount(counts[status])}</span>
            </button>
          ))}
      </dd>
    </div>
  );
}
