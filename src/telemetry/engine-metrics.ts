import { engineCancellations, engineRefusals, engineResultFiles } from '../core/instruments.js';
import { counter } from './metric-declaration.js';

/** Of the embedded engine. */
export const engineMetrics = {
  restarts: counter(
    'tidemark_engine_restarts_total',
    'Restarts of the embedded engine, by reason; silent: it ran and did not answer.',
    { labels: ['reason'] },
  ),
  refusals: counter(
    'tidemark_engine_refusals_total',
    'Requests of others than the collector that the embedded engine refused: authentication, busy (lanes full), ' +
      'connection (too many: cut), limit (memory, time, rows, bytes), session (too many of a user: the idlest is ' +
      'forgotten), site (a page of elsewhere, an unknown name), slow_request, statement (not allowed).',
    { labels: ['reason'], zeros: engineRefusals },
  ),
  cancelled: counter(
    'tidemark_engine_cancelled_statements_total',
    'Statements of others than the collector that the embedded engine was asked to end: disconnect (their client ' +
      'closed the connection), kill (KILL QUERY).',
    { labels: ['reason'], zeros: engineCancellations },
  ),
  streamed: counter(
    'tidemark_engine_streamed_results_total',
    'Results of others than the collector that were sent while they were made, since they were larger than what is ' +
      'held or of a format that tells progress.',
  ),
  resultFiles: counter(
    'tidemark_engine_result_files_total',
    'Results of others than the collector with wait_end_of_query=1: kept (whole, in a file), and refused: too_large ' +
      '(bytes of one), no_room (bytes or files of all at once), disk_full.',
    { labels: ['outcome'], zeros: engineResultFiles },
  ),
} as const;
