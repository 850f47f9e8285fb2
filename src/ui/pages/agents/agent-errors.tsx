import { Link } from 'wouter';
import type { Answers } from '../../api/client.js';
import { useAnswer } from '../../api/use-answer.js';
import { formatCount, formatExact } from '../../format/numbers.js';
import { AnswerView, AsOf } from '../../parts/answer-view.js';
import { EmptyNote } from '../../parts/notes.js';
import { Panel } from '../../parts/panel.js';
import type { TimeRange } from '../../parts/range-picker.js';
import { type Column, Table } from '../../parts/table.js';
import { Time } from '../../parts/time.js';
import { links } from '../../routing/links.js';
import { type MetricType, rangeKey, rangeQuery } from './agent-range.js';

type Errors = Answers['ListAgentErrorsAnswer'];
type Group = Errors['errors'][number];

const refreshMs = 30_000;
const groupsMax = 50;

/** Failed executions in groups: what they have in common, since when, and what became of them. */
export function AgentErrors({
  agentId,
  range,
  type,
}: {
  readonly agentId: string;
  readonly range: TimeRange;
  readonly type: MetricType;
}) {
  const answer = useAnswer(
    ['agent errors', agentId, rangeKey(range), type],
    (api, signal) =>
      api.GET('/api/v1/agents/{agent_id}/errors', {
        params: {
          path: { agent_id: agentId },
          query: { ...rangeQuery(range), metric_type: type, limit: groupsMax },
        },
        signal,
      }),
    { refreshMs },
  );
  return (
    <Panel title="Errors" aside={<AsOf answer={answer} />}>
      <AnswerView answer={answer}>{(errors) => <Groups agentId={agentId} range={range} errors={errors} />}</AnswerView>
    </Panel>
  );
}

function Groups({
  agentId,
  range,
  errors,
}: {
  readonly agentId: string;
  readonly range: TimeRange;
  readonly errors: Errors;
}) {
  if (errors.errors.length === 0) {
    const isKnown = errors.failed_executions === 0;
    return (
      <EmptyNote>
        {isKnown ? 'No execution failed in this range.' : 'How executions failed is not kept for this range.'}
      </EmptyNote>
    );
  }
  return (
    <>
      <Table label="Groups of errors" columns={columnsOf(agentId, range)} rows={errors.errors} rowKey={keyOf} />
      <p className="mt-2 text-sm text-soft">
        {`Failed executions: ${formatExact(errors.failed_executions)}, `}
        {`in groups of one kind: ${formatExact(errors.total_groups)}`}
        {errors.total_groups > errors.errors.length && `, of which these are the ${errors.errors.length} largest`}.
        <Coverage errors={errors} />
      </p>
    </>
  );
}

function Coverage({ errors: { coverage, from } }: { readonly errors: Errors }) {
  const told = coverage.errors;
  if (told === null) return null;
  return (
    <>
      {told.from > from && (
        <>
          {' '}
          Errors are told from <Time at={told.from} /> on.
        </>
      )}
      {told.recovered_as_of !== 'now' && ' What recovered is as of the last daily maintenance.'}
    </>
  );
}

function columnsOf(agentId: string, range: TimeRange): readonly Column<Group>[] {
  // Executions are tasks; the failures have the same ranges by name, but for the day.
  const { name, from, to } = range;
  const within = name === null ? { from, to } : { range: name === '1d' ? '24h' : name };
  return [
    {
      name: 'Error',
      cell: ({ category, code, message }) => (
        <div className="min-w-40">
          <Link
            href={links.failures({ agent_id: agentId, category, code, kind: 'task', ...within })}
            className="foreign line-clamp-2 text-accent hover:underline"
            title={message ?? undefined}
          >
            {message || code || category}
          </Link>
          <span className="foreign line-clamp-1 text-xs text-soft">{code ? `${category}, ${code}` : category}</span>
        </div>
      ),
    },
    { name: 'Count', number: true, cell: ({ count }) => formatCount(count) },
    { name: 'Recovered', number: true, cell: ({ recovered }) => formatCount(recovered) },
    {
      name: 'For good',
      number: true,
      cell: ({ failed_for_good }) => (
        <span className={failed_for_good > 0 ? 'text-bad' : ''}>{formatCount(failed_for_good)}</span>
      ),
    },
    { name: 'Runs', number: true, wideOnly: true, cell: ({ affected_runs }) => formatCount(affected_runs) },
    { name: 'First seen', number: true, cell: ({ first_seen }) => <Time at={first_seen} /> },
    { name: 'Last seen', number: true, cell: ({ last_seen }) => <Time at={last_seen} /> },
  ];
}

function keyOf({ category, code, message }: Group): string {
  return JSON.stringify([category, code, message]);
}
