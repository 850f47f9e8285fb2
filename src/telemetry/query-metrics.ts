import { counter, fastSeconds, gauge, histogram } from './metric-declaration.js';

/** What only a store can make of a request: each is on the page by the route that met it. */
export const queryMetrics = {
  requests: counter(
    'tidemark_query_requests_total',
    'Requests of read routes by outcome: hit (an equal answer of the last second), shared (joined an equal request ' +
      'under way), miss (read the store).',
    { labels: ['outcome'], zeros: ['hit', 'shared', 'miss'] },
  ),
  failures: counter(
    'tidemark_query_failures_total',
    'Requests the store did not answer, by route and error code: query_timeout, query_too_large, overloaded, ' +
      'store_unavailable.',
    { labels: ['route', 'code'] },
  ),
  remembered: counter(
    'tidemark_query_remembered_total',
    'Days, sums and pages of tasks that reads asked the memory for: hit (known and as the store has them), miss (not ' +
      'known), changed (known, and read again because the store has changed); unseen counts what was ' +
      'read without it because the store does not tell what changes (replicated tables, or its parts may not be read).',
    { labels: ['outcome'], zeros: ['hit', 'miss', 'changed', 'unseen'] },
  ),
  forgotten: counter(
    'tidemark_query_forgotten_total',
    'Entries of that memory that went because it was full (TIDEMARK_QUERY_REMEMBERED_BYTES_MAX).',
  ),
  prepared: counter(
    'tidemark_query_prepared_total',
    'Dashboards that were read before somebody asked, by outcome: read, failed (tried again after a minute), ' +
      'unremembered (too much for the memory, or the store does not tell what changes), given_way (there are more ' +
      'tenants than TIDEMARK_QUERY_PREPARED_TENANTS_MAX).',
    { labels: ['outcome'], zeros: ['read', 'failed', 'unremembered', 'given_way'] },
  ),
  rememberedBytes: gauge('tidemark_query_remembered_bytes', 'Bytes of that memory.'),
  waitSeconds: histogram('tidemark_query_wait_seconds', 'From asking for a read of the store to its turn.', {
    buckets: fastSeconds,
  }),
} as const;
