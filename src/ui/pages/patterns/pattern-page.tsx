import { useState } from 'react';
import { Link } from 'wouter';
import type { Answers } from '../../api/client.js';
import { useAnswer } from '../../api/use-answer.js';
import { formatCount, formatExact, formatRatio } from '../../format/numbers.js';
import { AnswerView, AsOf } from '../../parts/answer-view.js';
import { Id } from '../../parts/id.js';
import { EmptyNote } from '../../parts/notes.js';
import { Page } from '../../parts/page.js';
import { Panel } from '../../parts/panel.js';
import { Stat, Stats } from '../../parts/stat.js';
import { type Column, Table } from '../../parts/table.js';
import { Age, Time } from '../../parts/time.js';
import { idOfAddress, links } from '../../routing/links.js';
import { FeedbackForm } from './feedback-form.js';
import { evidenceOf, feedbackOf } from './pattern-row.js';

type Pattern = Answers['GetPatternAnswer'];
type Given = Answers['GivenFeedback'];

const refreshMs = 30_000;
/** While feedback that was given is on its way to the store. */
const awaitMs = 1_000;

/** One pattern: what it says, who observed it in what, and what people say of it. */
export function PatternPage() {
  const patternId = idOfAddress();
  const [given, setGiven] = useState<string | null>(null);
  const [isAwaited, setAwaited] = useState(false);
  const pattern = useAnswer(
    ['pattern', patternId],
    (api, signal) => api.GET('/api/v1/patterns/{pattern_id}', { params: { path: { pattern_id: patternId } }, signal }),
    { refreshMs: isAwaited ? awaitMs : refreshMs },
  );
  const isThere = pattern.data?.latest_feedback.some(({ feedback_id: id }) => id === given) === true;
  if (isAwaited && isThere) setAwaited(false);
  if (pattern.problem?.status === 404 && pattern.data === undefined) return <NoSuchPattern patternId={patternId} />;
  return (
    <Page
      title={
        <>
          Pattern <bdi className="font-mono wrap-anywhere">{patternId}</bdi>
        </>
      }
      name={`Pattern ${patternId}`}
      actions={<AsOf answer={pattern} />}
    >
      <AnswerView answer={pattern}>
        {(data) => (
          <div className="flex flex-col gap-4">
            <Facts pattern={data} />
            <div className="grid items-start gap-4 xl:grid-cols-2">
              <Evidence pattern={data} />
              <Agents pattern={data} />
            </div>
            <Panel title="Feedback" aside={<span className="text-sm text-soft">{feedbackOf(data)}</span>}>
              <FeedbackForm
                patternId={patternId}
                onTaken={(id) => {
                  setGiven(id);
                  setAwaited(true);
                }}
              />
              <LatestFeedback rows={data.latest_feedback} count={data.feedback.count} />
            </Panel>
          </div>
        )}
      </AnswerView>
    </Page>
  );
}

function NoSuchPattern({ patternId }: { readonly patternId: string }) {
  return (
    <Page title="There is no such pattern">
      <EmptyNote>
        No agent has observed a pattern <bdi className="font-mono wrap-anywhere">{patternId}</bdi>, or it has not come
        to the store yet.{' '}
        <Link href={links.patterns()} className="text-accent hover:underline">
          All patterns
        </Link>
      </EmptyNote>
    </Page>
  );
}

function Facts({ pattern }: { readonly pattern: Pattern }) {
  const { feedback } = pattern;
  return (
    <Panel title={<span className="foreign">{pattern.name ?? 'Without a name'}</span>}>
      {pattern.description !== null && <p className="foreign mb-3 max-w-prose">{pattern.description}</p>}
      <Stats>
        <Stat name="Type" value={<bdi>{pattern.pattern_type ?? '–'}</bdi>} exact={pattern.pattern_type ?? undefined} />
        <Stat name="Confidence" value={formatRatio(pattern.confidence)} />
        <Stat name="Effectiveness" value={formatRatio(pattern.effectiveness)} />
        <Stat name="Observations" value={formatCount(pattern.observations)} exact={formatExact(pattern.observations)} />
        <Stat name="Mean score" value={formatRatio(feedback.avg_score)} note={scoresOf(feedback)} />
        <Stat name="First seen" value={<Age at={pattern.first_seen} />} note={<Time at={pattern.first_seen} />} />
        <Stat name="Last seen" value={<Age at={pattern.last_seen} />} note={<Time at={pattern.last_seen} />} />
      </Stats>
    </Panel>
  );
}

function scoresOf({ scored, min_score: min, max_score: max }: Pattern['feedback']): string | null {
  return scored === 0 ? null : `${min} to ${max}, of ${formatExact(scored)}`;
}

const references = 'grid grid-cols-[repeat(auto-fill,minmax(12rem,1fr))] gap-x-4 gap-y-1 text-sm';

function Evidence({ pattern }: { readonly pattern: Pattern }) {
  const { evidence } = pattern;
  const total = evidenceOf(pattern);
  return (
    <Panel
      title="Evidence"
      aside={<span>{String(evidence.length) === total ? total : `the latest ${evidence.length} of ${total}`}</span>}
    >
      {evidence.length === 0 ? (
        <p className="text-sm text-soft">No evidence was told.</p>
      ) : (
        <>
          <p className="mb-2 text-sm text-soft">What was told as evidence; each is looked up as a run.</p>
          <ul className={`max-h-80 overflow-y-auto ${references}`}>
            {evidence.map((reference) => (
              <li key={reference} className="min-w-0">
                <Id id={reference} href={links.run(reference)} />
              </li>
            ))}
          </ul>
        </>
      )}
    </Panel>
  );
}

function Agents({ pattern: { agents, agent_count: count } }: { readonly pattern: Pattern }) {
  return (
    <Panel
      title="Agents"
      aside={<span>{count === agents.length ? count : `the latest ${agents.length} of ${formatExact(count)}`}</span>}
    >
      <ul className={references}>
        {agents.map((agentId) => (
          <li key={agentId} className="min-w-0">
            <Id id={agentId} href={links.agent(agentId)} />
          </li>
        ))}
      </ul>
    </Panel>
  );
}

const feedbackColumns: readonly Column<Given>[] = [
  { name: 'When', cell: ({ at }) => <Time at={at} /> },
  { name: 'Score', cell: ({ score }) => score ?? '–', number: true },
  { name: 'Note', cell: ({ text }) => <span className="foreign inline-block min-w-44">{text ?? '–'}</span> },
  {
    name: 'By',
    cell: ({ user_id: user }) => (user === null ? <span className="text-soft">–</span> : <Id id={user} />),
  },
];

function LatestFeedback({ rows, count }: { readonly rows: readonly Given[]; readonly count: number }) {
  if (rows.length === 0) return <p className="text-sm text-soft">Nobody has given feedback yet.</p>;
  return (
    <>
      <Table
        label="Feedback, the newest first"
        columns={feedbackColumns}
        rows={rows}
        rowKey={({ feedback_id: id }) => id}
      />
      {count > rows.length && (
        <p className="mt-2 text-sm text-soft">
          The newest {rows.length} of {formatExact(count)}.
        </p>
      )}
    </>
  );
}
