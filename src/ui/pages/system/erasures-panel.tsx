import type { Answers } from '../../api/client.js';
import { useAnswer } from '../../api/use-answer.js';
import { formatExact } from '../../format/numbers.js';
import { AnswerView, AsOf } from '../../parts/answer-view.js';
import { FilterField } from '../../parts/choices.js';
import { Panel } from '../../parts/panel.js';
import { type Column, Table } from '../../parts/table.js';
import { Time } from '../../parts/time.js';
import { useUrlState } from '../../routing/use-url-state.js';

type Erasure = Answers['ErasureRecord'];

const columns: readonly Column<Erasure>[] = [
  { name: 'Asked for', cell: ({ requested_at: at }) => <Time at={at} /> },
  { name: 'Of a', cell: ({ kind }) => (kind === 'user' ? 'person' : kind) },
  { name: 'By key', cell: ({ requested_by: key }) => <bdi className="font-mono">{key}</bdi> },
  { name: 'State', cell: stateOf },
  { name: 'Rows', cell: ({ rows }) => formatExact(sumOf(rows)), number: true },
  { name: 'Late rows', cell: ({ late_rows: rows }) => formatExact(rows), number: true, wideOnly: true },
  {
    name: 'Gone from the disk',
    cell: ({ purged_at: at }) => (at === null ? <span className="text-soft">not yet</span> : <Time at={at} />),
  },
];

function stateOf({ status, completed_at: at }: Erasure) {
  if (status === 'pending') return <span className="text-warn">waits for events received before</span>;
  return (
    <>
      done <Time at={at} />
    </>
  );
}

function sumOf(rows: Erasure['rows']): number {
  return Object.values(rows).reduce((sum, count) => sum + count, 0);
}

/** What was erased. Ids are not kept: who knows one can ask for it. */
export function ErasuresPanel() {
  const url = useUrlState();
  const id = url.get('erased');
  const erasures = useAnswer(
    ['erasures', id],
    (api, signal) =>
      api.GET('/api/v1/monitoring/erasures', { params: { query: { limit: 50, ...(id && { id }) } }, signal }),
    { refreshMs: 30_000 },
  );
  return (
    <Panel
      title="Erasures"
      aside={
        <>
          <FilterField
            label="Run or person"
            value={id}
            onChange={(value) => url.set({ erased: value }, { replace: true })}
          />
          <AsOf answer={erasures} />
        </>
      }
    >
      <AnswerView answer={erasures}>
        {({ erasures: rows }) =>
          rows.length === 0 ? (
            <p className="text-sm text-soft">
              {id === ''
                ? 'Nothing was erased. A run is erased from its page.'
                : 'Nothing was erased of a run or person of this id.'}
            </p>
          ) : (
            <Table label="Erasures, the newest first" columns={columns} rows={rows} rowKey={(row) => row.erasure_id} />
          )
        }
      </AnswerView>
    </Panel>
  );
}
