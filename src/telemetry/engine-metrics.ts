import { definitionOutcomes, engineCancellations, engineRefusals, engineResultFiles } from '../core/instruments.js';
import { counter, gauge } from './metric-declaration.js';

/** Of the embedded engine. */
export const engineMetrics = {
  restarts: counter(
    'tidemark_engine_restarts_total',
    'Restarts of the embedded engine, by reason; silent: it ran and did not answer, fatal: it answered that it runs ' +
      'no statement any more, or a thread of it crashed while it started, starved: its memory was gone for two ' +
      'minutes in which nothing ran, part_broken: a part was not written, and those it replaced take its place; ' +
      'definition_unwritten: the definition of a table or view was not.',
    { labels: ['reason'] },
  ),
  definitions: counter(
    'tidemark_engine_definitions_total',
    'Definitions of tables, views and databases of the embedded engine that were found empty or cut before a start, ' +
      'and what became of them: put_back (from the copy), set_aside (to be made anew), left (no copy, and maybe rows).',
    { labels: ['outcome'], zeros: definitionOutcomes },
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
  heldBytes: gauge(
    'tidemark_engine_held_bytes',
    'Bytes of the data directory that results with wait_end_of_query=1 take now, 16 MiB a file at least; as of up to ' +
      'five seconds ago.',
  ),
  heldBytesMax: gauge('tidemark_engine_held_limit_bytes', 'How many they may take: clickhouse.readerHeldBytesMax.'),
  keptConnections: counter(
    'tidemark_engine_kept_connections_total',
    "Connections of the embedded engine for statements that may share one, of the collector's reads and of the open " +
      "port's readers: reused, opened, crowded_out (closed, since 32 or 8 waited already).",
    { labels: ['account', 'outcome'] },
  ),
  waitingConnections: gauge(
    'tidemark_engine_waiting_connections',
    'Connections of the embedded engine that wait for a statement, of 32 and 8 at most; as of up to five seconds ago.',
    ['account'],
  ),
} as const;
