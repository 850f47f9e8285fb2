import type { Answers } from '../../api/client.js';
import { useAnswer } from '../../api/use-answer.js';
import { formatDuration } from '../../format/durations.js';
import { formatCount, formatExact } from '../../format/numbers.js';
import { AnswerView, AsOf } from '../../parts/answer-view.js';
import { Segmented } from '../../parts/choices.js';
import { Figure, Figures } from '../../parts/figures.js';
import { Panel } from '../../parts/panel.js';
import { type Column, Table } from '../../parts/table.js';
import { choiceOf, useUrlState } from '../../routing/use-url-state.js';

const windows = ['1h', '1m', '5m', '15m', '24h'] as const;
const inOrder = ['1m', '5m', '15m', '1h', '24h'] as const;
const refreshMs = 10_000;

type Endpoint = Answers['Endpoint'];

const errors = (name: string, of: (endpoint: Endpoint) => number): Column<Endpoint> => ({
  name,
  cell: (endpoint) => <span className={of(endpoint) > 0 ? 'text-bad' : 'text-soft'}>{formatExact(of(endpoint))}</span>,
  number: true,
});

const columns: readonly Column<Endpoint>[] = [
  {
    name: 'Endpoint',
    cell: ({ method, route }) => (
      <span className="font-mono wrap-anywhere">
        {method} {route}
      </span>
    ),
  },
  { name: 'Requests', cell: ({ requests }) => formatExact(requests), number: true },
  errors('4xx', ({ client_errors: count }) => count),
  errors('5xx', ({ server_errors: count }) => count),
  { name: 'p50', cell: ({ p50_ms: ms }) => formatDuration(ms), number: true },
  { name: 'p90', cell: ({ p90_ms: ms }) => formatDuration(ms), number: true, wideOnly: true },
  { name: 'p99', cell: ({ p99_ms: ms }) => formatDuration(ms), number: true },
];

/** What this collector was asked, by all tenants, and how fast it answered. */
export function EndpointsPanel() {
  const url = useUrlState();
  const window = choiceOf(url.get('window'), windows);
  const endpoints = useAnswer(
    ['endpoints', window],
    (api, signal) => api.GET('/api/v1/monitoring/endpoints', { params: { query: { window } }, signal }),
    { refreshMs },
  );
  return (
    <Panel
      title="Endpoints"
      aside={
        <>
          <Segmented
            label="Window"
            choices={inOrder}
            value={window}
            onChange={(choice) => url.set({ window: choice === '1h' ? null : choice })}
          />
          <AsOf answer={endpoints} />
        </>
      }
    >
      <AnswerView answer={endpoints}>
        {({ totals, endpoints: rows }) => (
          <div className="flex flex-col gap-3">
            <Figures>
              <Figure name="Requests" value={formatCount(totals.requests)} exact={formatExact(totals.requests)} />
              <Figure name="refused (4xx)" value={formatExact(totals.client_errors)} />
              <Figure
                name="failed (5xx)"
                value={formatExact(totals.server_errors)}
                tone={totals.server_errors > 0 ? 'text-bad' : 'text-ink'}
              />
            </Figures>
            <Table
              label="Requests by endpoint"
              columns={columns}
              rows={rows}
              rowKey={({ method, route }) => `${method} ${route}`}
            />
          </div>
        )}
      </AnswerView>
    </Panel>
  );
}
