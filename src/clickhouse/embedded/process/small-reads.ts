/**
 * Settings of reads of the collector that read little (`StoreQuery.isSmall`), most of whose CPU is planning. Read for
 * the first time, the days and minutes of an agent in the rollups take 0.78 of the CPU with all of them, the look at
 * the parts of the store 0.76, the failures of an agent among 300,000 raw events 0.88 to 0.93 (docs/benchmarks.md).
 *
 *   allow_experimental_analyzer           the first analyzer plans the same in less
 *   compile_…                             machine code is made for many rows
 *   optimize_use_projections              no table has one, but for the implicit one of least and greatest values
 *   enable_multiple_prewhere_read_steps   a granule or two a part: nothing is saved by reading conditions one by one
 *   use_query_condition_cache             what is read twice is remembered in the collector
 *   max_threads                           threads are started for nothing
 */
export const smallReadSettings: readonly (readonly [string, string])[] = [
  ['allow_experimental_analyzer', '0'],
  ['compile_expressions', '0'],
  ['compile_aggregate_expressions', '0'],
  ['compile_sort_description', '0'],
  ['optimize_use_projections', '0'],
  ['enable_multiple_prewhere_read_steps', '0'],
  ['use_query_condition_cache', '0'],
  ['max_threads', '1'],
];
