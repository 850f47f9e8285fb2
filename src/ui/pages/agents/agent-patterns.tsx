import { Link } from 'wouter';
import type { Answers } from '../../api/client.js';
import { useAnswer } from '../../api/use-answer.js';
import { formatCount, formatRatio } from '../../format/numbers.js';
import { AnswerView, AsOf } from '../../parts/answer-view.js';
import { EmptyNote } from '../../parts/notes.js';
import { Panel } from '../../parts/panel.js';
import { type Column, Table } from '../../parts/table.js';
import { Age } from '../../parts/time.js';
import { links } from '../../routing/links.js';

const refreshMs = 60_000;
const patternsMax = 8;

const columns: readonly Column<Answers['Pattern']>[] = [
  {
    name: 'Pattern',
    cell: ({ pattern_id, name }) => (
      <Link
        href={links.pattern(pattern_id)}
        title={pattern_id}
        className="foreign line-clamp-2 text-accent hover:underline"
      >
        {name || pattern_id}
      </Link>
    ),
  },
  { name: 'Type', wideOnly: true, cell: ({ pattern_type }) => <bdi className="block truncate">{pattern_type}</bdi> },
  { name: 'Seen', number: true, cell: ({ observations }) => formatCount(observations) },
  { name: 'Confidence', number: true, wideOnly: true, cell: ({ confidence }) => formatRatio(confidence) },
  { name: 'Last seen', number: true, cell: ({ last_seen }) => <Age at={last_seen} /> },
];

/** What the agent noticed about its work. */
export function AgentPatterns({ agentId }: { readonly agentId: string }) {
  const answer = useAnswer(
    ['agent patterns', agentId],
    (api, signal) =>
      api.GET('/api/v1/patterns', { params: { query: { agent_id: agentId, limit: patternsMax } }, signal }),
    { refreshMs },
  );
  return (
    <Panel title="Patterns" aside={<AsOf answer={answer} />}>
      <AnswerView answer={answer}>
        {({ patterns, next_cursor }) =>
          patterns.length === 0 ? (
            <EmptyNote>This agent has noticed no pattern.</EmptyNote>
          ) : (
            <>
              <Table
                label="Patterns of the agent"
                columns={columns}
                rows={patterns}
                rowKey={({ pattern_id }) => pattern_id}
              />
              {next_cursor !== null && (
                <p className="mt-2 text-sm">
                  <Link href={links.patterns({ agent_id: agentId })} className="text-accent hover:underline">
                    All patterns of this agent
                  </Link>
                </p>
              )}
            </>
          )
        }
      </AnswerView>
    </Panel>
  );
}
