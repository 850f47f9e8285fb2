import type { Answers } from '../../api/client.js';
import { useSession } from '../../api/session.js';
import { type Answer, useAnswer } from '../../api/use-answer.js';
import { formatBytes, formatCount, formatExact } from '../../format/numbers.js';
import { AnswerView, AsOf } from '../../parts/answer-view.js';
import { Figure, Figures } from '../../parts/figures.js';
import { Panel } from '../../parts/panel.js';
import { type Column, Table } from '../../parts/table.js';
import { Age, Time } from '../../parts/time.js';
import type { Health } from './health-panel.js';

const refreshMs = 60_000;

type Storage = Answers['GetStorageAnswer'];
type StoredTable = Answers['StoredTable'];

/** What the tables hold, for who may know; when the newest row of each came, for all. */
export function TablesPanel({ health }: { readonly health: Answer<Health> }) {
  const { may } = useSession();
  return may('admin') ? <StoragePanel health={health} /> : <NewestPanel health={health} />;
}

function NewestPanel({ health }: { readonly health: Answer<Health> }) {
  return (
    <Panel title="Tables" aside={<AsOf answer={health} />}>
      <AnswerView answer={health}>
        {({ newest_rows: rows }) =>
          rows === null ? (
            <NotAnswering />
          ) : (
            <Table
              label="Newest rows"
              columns={[
                { name: 'Table', cell: ({ table }) => <TableName table={table} /> },
                { name: 'Newest row', cell: ({ newest_at }) => <Age at={newest_at} /> },
              ]}
              rows={rows}
              rowKey={({ table }) => table}
            />
          )
        }
      </AnswerView>
      <p className="mt-3 text-sm text-soft">How much each holds is told to a key with the scope admin.</p>
    </Panel>
  );
}

function TableName({ table }: { readonly table: string }) {
  return <span className="inline-block min-w-40 font-mono wrap-anywhere">{table}</span>;
}

function NotAnswering() {
  return <p className="text-sm text-warn">The store does not answer: what is newest in it is not known.</p>;
}

function StoragePanel({ health }: { readonly health: Answer<Health> }) {
  const storage = useAnswer(['storage'], (api, signal) => api.GET('/api/v1/monitoring/storage', { signal }), {
    refreshMs,
  });
  const newest = new Map((health.data?.newest_rows ?? []).map(({ table, newest_at: at }) => [table, at]));
  return (
    <Panel title="Tables and disk" aside={<AsOf answer={storage} />}>
      {health.data?.newest_rows === null && <NotAnswering />}
      <AnswerView answer={storage}>
        {(data) => (
          <div className="flex flex-col gap-3">
            <Totals storage={data} />
            <Table
              label="Rows and sizes"
              columns={columnsOf(newest)}
              rows={data.tables}
              rowKey={({ table }) => table}
            />
          </div>
        )}
      </AnswerView>
    </Panel>
  );
}

function Totals({ storage: { total, spool, disk } }: { readonly storage: Storage }) {
  return (
    <Figures>
      <Figure name="Rows" value={formatCount(total.rows)} exact={formatExact(total.rows)} />
      <Figure name="of your tenant" value={formatCount(total.tenant_rows)} exact={formatExact(total.tenant_rows)} />
      <Figure name="Store" value={formatBytes(total.disk_bytes)} />
      <Figure name="Spool" value={`${formatBytes(spool.bytes)}, ${formatExact(spool.events)} events`} />
      <Figure name="Segments put aside" value={formatExact(spool.quarantined_segments)} />
      <Figure
        name="Disk"
        value={`${formatBytes(disk.available_bytes)} free of ${formatBytes(disk.available_bytes + disk.used_bytes)}`}
      />
    </Figures>
  );
}

function columnsOf(newest: ReadonlyMap<string, string | null>): readonly Column<StoredTable>[] {
  return [
    { name: 'Table', cell: ({ table }) => <TableName table={table} /> },
    { name: 'Rows', cell: ({ rows }) => formatExact(rows), number: true },
    { name: 'Of your tenant', cell: ({ tenant_rows: rows }) => formatExact(rows), number: true, wideOnly: true },
    { name: 'On disk', cell: ({ disk_bytes: bytes }) => formatBytes(bytes), number: true },
    {
      name: 'Uncompressed',
      cell: ({ uncompressed_bytes: bytes }) => formatBytes(bytes),
      number: true,
      wideOnly: true,
    },
    { name: 'Parts', cell: ({ parts }) => formatExact(parts), number: true, wideOnly: true },
    { name: 'Oldest', cell: ({ oldest_at: at }) => <Time at={at} />, wideOnly: true },
    { name: 'Newest row', cell: ({ table, newest_at: at }) => <Age at={newest.get(table) ?? at} /> },
    { name: 'Kept', cell: ({ retention_days: days }) => (days === null ? 'for good' : `${days} days`), wideOnly: true },
  ];
}
