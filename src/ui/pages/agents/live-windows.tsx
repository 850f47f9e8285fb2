import type { Answers } from '../../api/client.js';
import type { Answer } from '../../api/use-answer.js';
import { formatDuration } from '../../format/durations.js';
import { formatCost, formatCount, formatPercent, formatRatio, unpricedNote } from '../../format/numbers.js';
import { AnswerView, AsOf } from '../../parts/answer-view.js';
import { Panel } from '../../parts/panel.js';
import { type Column, Table } from '../../parts/table.js';
import { Age, Time } from '../../parts/time.js';

type Window = Answers['LiveWindow'];

interface Row {
  readonly name: string;
  readonly window: Window | null;
}

const names = { '1m': '1 minute', '5m': '5 minutes', '15m': '15 minutes', '1h': '1 hour', '24h': '24 hours' } as const;
const windows = Object.keys(names) as (keyof typeof names)[];

const columns: readonly Column<Row>[] = [
  { name: 'Last', cell: ({ name }) => <span className="whitespace-nowrap">{name}</span> },
  number('Executions', (of) => formatCount(of?.total_executions)),
  number('Success', (of) => formatPercent(of?.success_rate)),
  { ...number('Failed', (of) => formatCount(of?.failed_executions)), cell: ({ window }) => <Failed window={window} /> },
  wide('p50', (of) => formatDuration(of?.execution_times.p50_ms)),
  number('p95', (of) => formatDuration(of?.execution_times.p95_ms)),
  wide('p99', (of) => formatDuration(of?.execution_times.p99_ms)),
  number('Tokens', (of) => formatCount(of?.tokens.total)),
  { ...number('Cost', (of) => formatCost(of?.cost_cents)), cell: ({ window }) => <Cost window={window} /> },
  wide('Confidence', (of) => formatRatio(of?.avg_confidence)),
];

function number(name: string, of: (window: Window | null) => string): Column<Row> {
  return { name, number: true, cell: ({ window }) => of(window) };
}

function wide(name: string, of: (window: Window | null) => string): Column<Row> {
  return { ...number(name, of), wideOnly: true };
}

/** The rolling windows, from the collector's memory. */
export function LiveWindows({ live }: { readonly live: Answer<Answers['GetAgentLiveAnswer']> }) {
  return (
    <Panel title="Live" aside={<AsOf answer={live} />}>
      <AnswerView answer={live}>
        {({ windows: of, last_seen, evicted_at }) => (
          <>
            <Table
              label="Live windows"
              columns={columns}
              rows={windows.map((window) => ({ name: names[window], window: of[window] }))}
              rowKey={({ name }) => name}
            />
            <p className="mt-2 text-sm text-soft">
              Last seen: <Age at={last_seen} />.
              {evicted_at !== null && (
                <>
                  {' '}
                  The collector had no room for this agent's windows at <Time at={evicted_at} />: those that reach back
                  before it are in the store only, see the numbers below.
                </>
              )}
            </p>
          </>
        )}
      </AnswerView>
    </Panel>
  );
}

function Failed({ window }: { readonly window: Window | null }) {
  const categories = Object.entries(window?.errors ?? {}).map(([category, count]) => `${category} ${count}`);
  return (
    <span title={categories.join(', ')} className={window?.failed_executions ? 'text-bad' : ''}>
      {formatCount(window?.failed_executions)}
    </span>
  );
}

function Cost({ window }: { readonly window: Window | null }) {
  const note = unpricedNote(window?.tokens_unpriced);
  return (
    <span className="whitespace-nowrap">
      {formatCost(window?.cost_cents)}
      {note !== null && <span className="block text-xs text-soft">{note}</span>}
    </span>
  );
}
