import { counter, gauge } from './metric-declaration.js';

/** Of API keys and their limits. */
export const keyMetrics = {
  held: counter(
    'tidemark_key_held_total',
    'Times a limit held an API key back: credit 0 was told, or a request or connection refused. limit: ' +
      'eventsPerSecond, bytesPerSecond, requestsPerSecond, eventsPerDay. Keys beyond the first 100 are `__other__`.',
    { labels: ['tenant', 'key', 'limit'] },
  ),
  usageWriteFailures: counter(
    'tidemark_key_usage_write_failures_total',
    'Times what keys have sent today could not be written: a restart forgets it.',
  ),
  quotaUsed: gauge(
    'tidemark_key_quota_used_ratio',
    'Share of its daily quota that a key has used, of the 100 that have used most.',
    ['tenant', 'key'],
  ),
} as const;
