import { counter } from '../metric-declaration.js';

/** Of the audit log. */
export const auditMetrics = {
  entries: counter('tidemark_audit_entries_total', 'Entries of the audit log that are on disk.'),
  unwritten: counter(
    'tidemark_audit_unwritten_total',
    'Entries of the audit log that are not in its file. reason: disk (not written or not synced; the log has it), ' +
      'queue (too many waited; the log has it), refusals (more than sixty in a minute; the next has their number).',
    { labels: ['reason'], zeros: ['disk', 'queue', 'refusals'] },
  ),
  turnOverFailures: counter(
    'tidemark_audit_turnover_failures_total',
    'Entries of the audit log that were written to a file of fileBytesMax or more, as it could not be put aside.',
  ),
} as const;
