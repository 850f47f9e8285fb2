import { dayMs } from '../core/time-span.js';
import type { Config } from './config.js';

/**
 * Settings that bound each other. A limit above another one that it has to fit into would only show under load,
 * as a frame that can never be taken or a segment of a single batch; so it is refused before the start.
 */
interface Relation {
  readonly holds: (config: Config) => boolean;
  /** The setting at fault, by path. */
  readonly path: string;
  /** What it must be, said before the other setting's name. */
  readonly must: string;
  readonly other: string;
  readonly because: string;
}

const relations: readonly Relation[] = [
  {
    holds: ({ ingest, limits }) => ingest.batchBytesMax >= limits.frameBytesMax,
    path: 'ingest.batchBytesMax',
    must: 'must be at least',
    other: 'limits.frameBytesMax',
    because: 'a batch holds at least one frame',
  },
  {
    holds: ({ ingest }) => ingest.bytesInFlightMax >= ingest.batchBytesMax,
    path: 'ingest.bytesInFlightMax',
    must: 'must be at least',
    other: 'ingest.batchBytesMax',
    because: 'one batch must fit',
  },
  {
    holds: ({ spool, ingest }) => spool.pendingBytesMax >= 4 * ingest.batchBytesMax,
    path: 'spool.pendingBytesMax',
    must: 'must be at least four times',
    other: 'ingest.batchBytesMax',
    because: 'the rows of a batch may be larger than its frames',
  },
  {
    holds: ({ spool }) => spool.pendingBytesMax >= spool.groupBytesMax,
    path: 'spool.pendingBytesMax',
    must: 'must be at least',
    other: 'spool.groupBytesMax',
    because: 'a group waits before it is synced',
  },
  {
    holds: ({ spool }) => spool.segmentAgeMsBacklog >= spool.segmentAgeMsMax,
    path: 'spool.segmentAgeMsBacklog',
    must: 'must be at least',
    other: 'spool.segmentAgeMsMax',
    because: 'segments grow older while others wait',
  },
  {
    holds: ({ spool, ingest }) => spool.segmentBytesMax > ingest.batchBytesMax,
    path: 'spool.segmentBytesMax',
    must: 'must be above',
    other: 'ingest.batchBytesMax',
    because: 'a segment holds several batches',
  },
  {
    holds: ({ spool, limits }) => spool.segmentRowsMax >= limits.eventsPerFrameMax,
    path: 'spool.segmentRowsMax',
    must: 'must be at least',
    other: 'limits.eventsPerFrameMax',
    because: 'the rows of a frame lie in one segment',
  },
  {
    holds: ({ spool }) => spool.segmentAgeMsMax >= spool.segmentAgeMsMin,
    path: 'spool.segmentAgeMsMax',
    must: 'must be at least',
    other: 'spool.segmentAgeMsMin',
    because: 'a segment is closed between the two',
  },
  {
    holds: ({ spool }) => spool.groupAgeMsMax < spool.segmentAgeMsMin,
    path: 'spool.groupAgeMsMax',
    must: 'must be below',
    other: 'spool.segmentAgeMsMin',
    because: 'a segment is synced before it is closed',
  },
  {
    holds: ({ spool }) => spool.groupBytesMax <= spool.segmentBytesMax,
    path: 'spool.groupBytesMax',
    must: 'must not be above',
    other: 'spool.segmentBytesMax',
    because: 'a segment is synced before it is closed',
  },
  {
    holds: ({ spool }) => spool.bytesMax >= 4 * spool.segmentBytesMax,
    path: 'spool.bytesMax',
    must: 'must be at least four times',
    other: 'spool.segmentBytesMax',
    because: 'one segment is written while others are inserted',
  },
  {
    holds: ({ decode, ingest }) => ingest.batchesInFlightMax <= decode.threads + decode.queueMax,
    path: 'ingest.batchesInFlightMax',
    must: 'must not be above decode.threads and',
    other: 'decode.queueMax',
    because: 'the batches beyond would be refused',
  },
  {
    holds: ({ port, clickhouse }) => clickhouse.url !== null || port === 0 || port !== clickhouse.port,
    path: 'clickhouse.port',
    must: 'must differ from',
    other: 'port',
    because: 'the collector and its embedded engine both listen',
  },
  {
    holds: ({ live }) => live.tenantSubscribersMax <= live.subscribersMax,
    path: 'live.tenantSubscribersMax',
    must: 'must not be above',
    other: 'live.subscribersMax',
    because: 'the tenants share them',
  },
  {
    holds: ({ health }) => health.diskDegradedRatio <= health.diskUnhealthyRatio,
    path: 'health.diskDegradedRatio',
    must: 'must not be above',
    other: 'health.diskUnhealthyRatio',
    because: 'the one is the milder of the two',
  },
  {
    holds: ({ http, limits }) =>
      http.bodiesBytesMax * Math.min(http.requestsKeyRatioMax, http.requestsAddressRatioMax) >= limits.frameBytesMax,
    path: 'http.bodiesBytesMax',
    must: 'must hold, in the share of one key and of one address, at least',
    other: 'limits.frameBytesMax',
    because: 'one body must fit',
  },
  {
    holds: ({ query, http }) => query.tenantRequestsMax < http.requestsMax,
    path: 'query.tenantRequestsMax',
    must: 'must be below',
    other: 'http.requestsMax',
    because: 'one tenant could hold every request',
  },
  {
    holds: ({ clickhouse, query }) => clickhouse.url !== null || clickhouse.readConnections > query.concurrencyMax,
    path: 'clickhouse.readConnections',
    must: 'must be above',
    other: 'query.concurrencyMax',
    because: 'a health check would wait behind the slowest query, and the store pass for absent',
  },
  {
    holds: ({ clickhouse }) => clickhouse.url !== null || clickhouse.user === null,
    path: 'clickhouse.user',
    must: 'needs',
    other: 'clickhouse.url',
    because: 'the embedded engine makes its own users',
  },
  {
    holds: ({ clickhouse }) => clickhouse.url !== null || clickhouse.cluster === null,
    path: 'clickhouse.cluster',
    must: 'needs',
    other: 'clickhouse.url',
    because: 'the embedded engine is of one collector',
  },
  {
    holds: ({ tls }) => (tls.certFile === null) === (tls.keyFile === null),
    path: 'tls.certFile',
    must: 'needs',
    other: 'tls.keyFile',
    because: 'one is of no use without the other',
  },
  {
    holds: ({ tls }) => tls.clientCaFile === null || tls.certFile !== null,
    path: 'tls.clientCaFile',
    must: 'needs',
    other: 'tls.certFile',
    because: 'clients show a certificate over TLS alone',
  },
  {
    holds: ({ clickhouse }) => (clickhouse.certificateFile === null) === (clickhouse.keyFile === null),
    path: 'clickhouse.certificateFile',
    must: 'needs',
    other: 'clickhouse.keyFile',
    because: 'one is of no use without the other',
  },
  {
    holds: ({ clickhouse }) => clickhouse.certificateFile === null || clickhouse.caFile !== null,
    path: 'clickhouse.certificateFile',
    must: 'needs',
    other: 'clickhouse.caFile',
    because: 'the client sends it to nobody it does not know',
  },
  {
    holds: ({ clickhouse }) => clickhouse.url !== null || clickhouse.password === null,
    path: 'clickhouse.password',
    must: 'needs',
    other: 'clickhouse.url',
    because: 'the embedded engine makes its own users',
  },
  {
    holds: ({ retention }) => retention.historyDays >= retention.rawDays,
    path: 'retention.historyDays',
    must: 'must be at least',
    other: 'retention.rawDays',
    because: 'events are found through their runs and tasks',
  },
  {
    holds: ({ retention, limits }) => retention.minuteDays * dayMs > limits.skewPastMs,
    path: 'retention.minuteDays',
    must: 'must be longer than',
    other: 'limits.skewPastMs',
    because: 'a late event would expire as it comes',
  },
  {
    holds: ({ retention, limits }) => retention.errorDays * dayMs > limits.skewPastMs,
    path: 'retention.errorDays',
    must: 'must be longer than',
    other: 'limits.skewPastMs',
    because: 'a late event would expire as it comes',
  },
];

/**
 * One sentence for each relation that does not hold. `nameOf` says how a setting is called and what it is;
 * relations of a setting in `invalid` are left out, because they would compare a default nobody asked for.
 */
export function brokenRelations(
  config: Config,
  invalid: ReadonlySet<string>,
  nameOf: (path: string) => string,
): string[] {
  return relations
    .filter(({ holds, path, other }) => !invalid.has(path) && !invalid.has(other) && !holds(config))
    .map(({ path, must, other, because }) => `${nameOf(path)} ${must} ${nameOf(other)}: ${because}`);
}
