import { expect, test } from 'vitest';
import { loadConfig } from '../../src/config/load-config.js';

const mebibyte = 1_048_576;
const dayMs = 86_400_000;
const server = { url: 'http://clickhouse:8123' };

interface RelationCase {
  /** Words of the sentence by which it is refused. */
  readonly says: RegExp;
  /** As a file: just within, and just beyond. */
  readonly holds: readonly object[];
  readonly breaks: readonly object[];
}

const relations: readonly RelationCase[] = [
  {
    says: /ingest\.batchBytesMax .*at least .*limits\.frameBytesMax|a batch holds at least one frame/,
    holds: [{ limits: { frameBytesMax: mebibyte } }],
    breaks: [{ limits: { frameBytesMax: mebibyte + 1 } }],
  },
  {
    says: /one batch must fit/,
    holds: [{ ingest: { bytesInFlightMax: 2 * mebibyte, batchBytesMax: 2 * mebibyte } }],
    breaks: [{ ingest: { bytesInFlightMax: 2 * mebibyte, batchBytesMax: 2 * mebibyte + 1 } }],
  },
  {
    says: /the rows of a batch may be larger than its frames/,
    holds: [{ spool: { pendingBytesMax: 4 * mebibyte } }],
    breaks: [{ spool: { pendingBytesMax: 4 * mebibyte - 1 } }],
  },
  {
    says: /a group waits before it is synced/,
    holds: [{ spool: { pendingBytesMax: 8 * mebibyte, groupBytesMax: 8 * mebibyte } }],
    breaks: [{ spool: { pendingBytesMax: 8 * mebibyte, groupBytesMax: 8 * mebibyte + 1 } }],
  },
  {
    says: /segments grow older while others wait/,
    holds: [{ spool: { segmentAgeMsMax: 5_000, segmentAgeMsBacklog: 5_000 } }],
    breaks: [{ spool: { segmentAgeMsMax: 5_000, segmentAgeMsBacklog: 4_999 } }],
  },
  {
    says: /a segment holds several batches/,
    holds: [{ spool: { segmentBytesMax: 2 * mebibyte }, ingest: { batchBytesMax: 2 * mebibyte - 1 } }],
    breaks: [{ spool: { segmentBytesMax: 2 * mebibyte }, ingest: { batchBytesMax: 2 * mebibyte } }],
  },
  {
    says: /the rows of a frame lie in one segment/,
    holds: [{ spool: { segmentRowsMax: 5_000 }, limits: { eventsPerFrameMax: 5_000 } }],
    breaks: [{ spool: { segmentRowsMax: 5_000 }, limits: { eventsPerFrameMax: 5_001 } }],
  },
  {
    says: /a segment is closed between the two/,
    holds: [{ spool: { segmentAgeMsMin: 900, segmentAgeMsMax: 900 } }],
    breaks: [{ spool: { segmentAgeMsMin: 900, segmentAgeMsMax: 899 } }],
  },
  {
    says: /groupAgeMsMax .*a segment is synced before it is closed/,
    holds: [{ spool: { groupAgeMsMax: 799, segmentAgeMsMin: 800 } }],
    breaks: [{ spool: { groupAgeMsMax: 800, segmentAgeMsMin: 800 } }],
  },
  {
    says: /groupBytesMax .*a segment is synced before it is closed/,
    holds: [{ spool: { groupBytesMax: 2 * mebibyte, segmentBytesMax: 2 * mebibyte } }],
    breaks: [{ spool: { groupBytesMax: 2 * mebibyte + 1, segmentBytesMax: 2 * mebibyte } }],
  },
  {
    says: /one segment is written while others are inserted/,
    holds: [{ spool: { bytesMax: 256 * mebibyte } }],
    breaks: [{ spool: { bytesMax: 256 * mebibyte - 1 } }],
  },
  {
    says: /the batches beyond would be refused/,
    holds: [{ decode: { threads: 2, queueMax: 6 }, ingest: { batchesInFlightMax: 8 } }],
    breaks: [{ decode: { threads: 2, queueMax: 6 }, ingest: { batchesInFlightMax: 9 } }],
  },
  {
    says: /the collector and its embedded engine both listen/,
    holds: [
      { port: 7_100, clickhouse: { port: 7_101 } },
      { port: 0, clickhouse: { port: 0 } },
      { port: 7_100, clickhouse: { port: 7_100, ...server } },
    ],
    breaks: [{ port: 7_100, clickhouse: { port: 7_100 } }],
  },
  {
    says: /the tenants share them/,
    holds: [{ live: { tenantSubscribersMax: 50, subscribersMax: 50 } }],
    breaks: [{ live: { tenantSubscribersMax: 51, subscribersMax: 50 } }],
  },
  {
    says: /the one is the milder of the two/,
    holds: [{ health: { diskDegradedRatio: 0.9, diskUnhealthyRatio: 0.9 } }],
    breaks: [{ health: { diskDegradedRatio: 0.91, diskUnhealthyRatio: 0.9 } }],
  },
  {
    says: /one body must fit/,
    holds: [
      { http: { bodiesBytesMax: 2 * mebibyte, requestsKeyRatioMax: 0.5, requestsAddressRatioMax: 0.75 } },
      { http: { bodiesBytesMax: 2 * mebibyte, requestsKeyRatioMax: 0.75, requestsAddressRatioMax: 0.5 } },
    ],
    breaks: [
      { http: { bodiesBytesMax: 2 * mebibyte, requestsKeyRatioMax: 0.49, requestsAddressRatioMax: 0.75 } },
      { http: { bodiesBytesMax: 2 * mebibyte, requestsKeyRatioMax: 0.75, requestsAddressRatioMax: 0.49 } },
      { http: { bodiesBytesMax: 2 * mebibyte - 1, requestsKeyRatioMax: 0.5, requestsAddressRatioMax: 0.75 } },
    ],
  },
  {
    says: /one tenant could hold every request/,
    holds: [{ query: { tenantRequestsMax: 99 }, http: { requestsMax: 100 } }],
    breaks: [{ query: { tenantRequestsMax: 100 }, http: { requestsMax: 100 } }],
  },
  {
    says: /a health check would wait behind the slowest query/,
    holds: [
      { clickhouse: { readConnections: 5 }, query: { concurrencyMax: 4 } },
      { clickhouse: { readConnections: 4, ...server }, query: { concurrencyMax: 4 } },
    ],
    breaks: [{ clickhouse: { readConnections: 4 }, query: { concurrencyMax: 4 } }],
  },
  {
    says: /clickhouse\.user .*the embedded engine makes its own users/,
    holds: [{ clickhouse: { user: 'writer', ...server } }],
    breaks: [{ clickhouse: { user: 'writer' } }],
  },
  {
    says: /clickhouse\.password .*the embedded engine makes its own users/,
    holds: [{ clickhouse: { password: 'secret-of-the-store', ...server } }],
    breaks: [{ clickhouse: { password: 'secret-of-the-store' } }],
  },
  {
    says: /events are found through their runs and tasks/,
    holds: [{ retention: { rawDays: 20, historyDays: 20 } }],
    breaks: [{ retention: { rawDays: 20, historyDays: 19 } }],
  },
  {
    says: /minuteDays .*a late event would expire as it comes/,
    holds: [{ retention: { minuteDays: 10 }, limits: { skewPastMs: 10 * dayMs - 1 } }],
    breaks: [{ retention: { minuteDays: 10 }, limits: { skewPastMs: 10 * dayMs } }],
  },
  {
    says: /errorDays .*a late event would expire as it comes/,
    holds: [{ retention: { errorDays: 10 }, limits: { skewPastMs: 10 * dayMs - 1 } }],
    breaks: [{ retention: { errorDays: 10 }, limits: { skewPastMs: 10 * dayMs } }],
  },
];

function problemsOf(content: object): readonly string[] {
  const file = { path: 'tidemark.json', text: JSON.stringify(content) };
  return loadConfig({ env: {}, machine: { cpus: 2 }, file }).problems ?? [];
}

test.each(relations)('$says is taken at the limit and refused beyond it', ({ says, holds, breaks }) => {
  for (const content of holds) expect([content, problemsOf(content)]).toEqual([content, []]);
  for (const content of breaks) {
    expect([content, problemsOf(content)]).toEqual([content, [expect.stringMatching(says)]]);
  }
});
