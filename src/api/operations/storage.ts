import { z } from 'zod';
import { readStorage, readTenantRows, type StorageRow } from '../../clickhouse/queries/operations/storage.js';
import type { HttpRoute } from '../../core/ports/http-route.js';
import { instant, optionalInstant } from '../../core/time-text.js';
import { countSchema, instantSchema, optionalInstantSchema, textSchema } from '../answers/answer-schema.js';
import { type ApiContext, jsonReply, readWithin } from '../request/api-context.js';
import { parseParameters } from '../request/parameters.js';

const parameters = z.strictObject({});

const tableSchema = z
  .strictObject({
    table: textSchema,
    rows: countSchema,
    tenant_rows: countSchema.nullable().meta({ description: 'Of the tenant of the key; null in tables without one.' }),
    parts: countSchema,
    disk_bytes: countSchema,
    compressed_bytes: countSchema,
    uncompressed_bytes: countSchema,
    oldest_at: optionalInstantSchema.meta({ description: 'Of the time that decides the partition; to the second.' }),
    newest_at: optionalInstantSchema,
    retention_days: countSchema.nullable().meta({ description: 'Null: kept for good.' }),
  })
  .meta({ id: 'StoredTable' });

const answer = z.strictObject({
  measured_at: instantSchema,
  total: z.strictObject({ rows: countSchema, disk_bytes: countSchema, tenant_rows: countSchema }),
  tables: z.array(tableSchema),
  spool: z.strictObject({
    bytes: countSchema,
    segments: countSchema,
    events: countSchema,
    oldest_undelivered_at: optionalInstantSchema,
    quarantined_segments: countSchema,
  }),
  disk: z.strictObject({ used_bytes: countSchema, available_bytes: countSchema }),
});

/** Tables that hold no tenant's data, or of all tenants together. */
const untenanted: ReadonlySet<string> = new Set([
  'schema_migrations',
  'day_finalizations_v1',
  'failure_settlements_v1',
  'erasure_targets_v1',
  'leases_v1',
]);

/** `GET /api/v1/monitoring/storage`: what each table takes, the spool, and what is free. */
export function createStorageRoute(context: ApiContext): HttpRoute {
  return {
    method: 'GET',
    path: '/api/v1/monitoring/storage',
    scope: 'admin',
    operation: {
      id: 'getStorage',
      tag: 'monitoring',
      summary: "Rows, bytes and age of each table, what of it is the own tenant's, the spool and the free disk",
      query: parameters,
      answer: { kind: 'json', schema: answer },
    },
    handle: (request, { tenant }) => {
      parseParameters(parameters, request.query);
      const { storage, clock } = context;
      return readWithin(context, request, async (store) => {
        const [rows, disk] = await Promise.all([readStorage(storage.metadata), storage.disk()]);
        const tables = rows.map(({ table }) => table).filter((table) => !untenanted.has(table));
        const own = await readTenantRows(store, { tenant, tables });
        const ownRows = new Map(own.map((found) => [found.table, found.rows]));
        const spool = storage.spool();
        return jsonReply({
          measured_at: instant(clock.nowMs()),
          total: {
            rows: sumOf(rows, (row) => row.rows),
            disk_bytes: sumOf(rows, (row) => row.disk_bytes),
            tenant_rows: sumOf(own, (row) => row.rows),
          },
          tables: rows.map((row) => tableItem(row, ownRows.get(row.table) ?? null)),
          spool: {
            bytes: spool.bytes,
            segments: spool.segments,
            events: spool.events,
            oldest_undelivered_at: optionalInstant(spool.oldestReceivedMs),
            quarantined_segments: spool.quarantinedSegments,
          },
          disk: { used_bytes: disk.usedBytes, available_bytes: disk.availableBytes },
        } satisfies z.output<typeof answer>);
      });
    },
  };
}

function tableItem(row: StorageRow, tenantRows: number | null): z.output<typeof tableSchema> {
  return {
    table: row.table,
    rows: row.rows,
    tenant_rows: tenantRows,
    parts: row.parts,
    disk_bytes: row.disk_bytes,
    compressed_bytes: row.compressed_bytes,
    uncompressed_bytes: row.uncompressed_bytes,
    oldest_at: optionalInstant(row.oldest_ms),
    newest_at: optionalInstant(row.newest_ms),
    retention_days: row.retention_days === 0 ? null : row.retention_days,
  };
}

function sumOf<Row>(rows: readonly Row[], of: (row: Row) => number): number {
  return rows.reduce((sum, row) => sum + of(row), 0);
}
