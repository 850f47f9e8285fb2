import { counter, gauge } from './metric-declaration.js';

/** What is made sure of the parts that inserts make. */
export const exactInsertMetrics = {
  settled: counter(
    'tidemark_inserts_settled_total',
    'Interrupted inserts brought to an end. complete: all was there; completed: a part; repeated: nothing.',
    { labels: ['outcome'], zeros: ['complete', 'completed', 'repeated'] },
  ),
} as const;

export const partsMetrics = {
  partsBroken: counter(
    'tidemark_store_parts_broken_total',
    'Parts that were not what they should be, by where it was found.',
    {
      labels: ['found'],
      zeros: ['insert', 'start', 'files', 'check'],
    },
  ),
  partsDetached: counter('tidemark_store_parts_detached_total', 'Parts the engine has set aside, by its reason.', {
    labels: ['reason'],
  }),
  rowsMissing: counter('tidemark_store_rows_missing_total', 'Rows gone from a table without having expired.', {
    labels: ['table'],
  }),
  mergesHeld: gauge(
    'tidemark_store_merges_held',
    '1 while merges of the embedded engine wait, since one of them wrote a broken part and its disk may go on so.',
  ),
} as const;
