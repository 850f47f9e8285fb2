import { formatExact, formatPercent } from '../../format/numbers.js';
import { ShareBar } from '../../parts/share-bar.js';
import { type Column, Table } from '../../parts/table.js';
import { Time } from '../../parts/time.js';
import { Cost, TokenCount } from '../../work/row-cells.js';
import { type Breakdown, type FailureView, nameOfGroup } from './failure-view.js';

type Row = Omit<NonNullable<Breakdown['other']>, 'groups'> & {
  readonly key: string | null;
  /** Not a group: all that are not listed. */
  readonly unlisted?: number;
};

export function GroupTable({ data, view }: { readonly data: Breakdown; readonly view: FailureView }) {
  const rows: Row[] = [...data.groups];
  if (data.other !== null) rows.push({ ...data.other, key: null, unlisted: data.other.groups });
  return (
    <Table
      label={`Failures by ${data.group_by}`}
      columns={columnsOf(data, view)}
      rows={rows}
      rowKey={({ key, unlisted }) => (unlisted === undefined ? `group ${key}` : 'unlisted')}
    />
  );
}

function columnsOf(data: Breakdown, view: FailureView): readonly Column<Row>[] {
  const count = (name: string, of: (row: Row) => number, wideOnly = false): Column<Row> => ({
    name,
    cell: (row) => formatExact(of(row)),
    number: true,
    ...(wideOnly ? { wideOnly: true } : {}),
  });
  return [
    { name: data.group_by.charAt(0).toUpperCase() + data.group_by.slice(1), cell: (row) => nameCell(row, data, view) },
    {
      name: 'Share',
      cell: ({ share }) => (
        <span className="flex min-w-28 items-center gap-2">
          <ShareBar percent={share} tone="bg-bad" />
          <span className="tabular w-16 shrink-0 text-end whitespace-nowrap">{formatPercent(share)}</span>
        </span>
      ),
    },
    count('Failed', (row) => row.count),
    count('Tried again', (row) => row.retried),
    count('Recovered', (row) => row.recovered),
    count('For good', (row) => row.failed_for_good),
    { name: 'Tokens', cell: ({ wasted }) => <TokenCount tokens={wasted.tokens} />, number: true },
    {
      name: 'Cost',
      cell: ({ wasted }) => <Cost cents={wasted.cost_cents} unpriced={wasted.tokens_unpriced} />,
      number: true,
    },
    count('Agents', (row) => row.affected_agents, true),
    count('Runs', (row) => row.affected_runs),
    { name: 'First seen', cell: (row) => <Time at={row.first_seen} />, wideOnly: true },
    { name: 'Last seen', cell: (row) => <Time at={row.last_seen} /> },
  ];
}

function nameCell(row: Row, { group_by: groupBy }: Breakdown, { chosen, choose }: FailureView) {
  if (row.unlisted !== undefined) {
    return <span className="text-soft">{row.unlisted === 1 ? '1 other' : `${formatExact(row.unlisted)} others`}</span>;
  }
  const isChosen = chosen !== null && chosen.key === row.key;
  const look = isChosen ? 'bg-accent text-on-accent' : 'text-accent hover:underline';
  return (
    <button
      type="button"
      aria-pressed={isChosen}
      title={isChosen ? 'Look into all of them' : 'Look into these alone'}
      onClick={() => choose(row.key)}
      className={`max-w-56 min-w-24 rounded align-middle px-1 text-start ${look}`}
    >
      <bdi className={`line-clamp-2 wrap-anywhere ${row.key === null ? 'italic' : ''}`}>
        {nameOfGroup(groupBy, row.key)}
      </bdi>
    </button>
  );
}
