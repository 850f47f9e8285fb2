import { createReadStream } from 'node:fs';
import { CollectorError } from '../../core/errors.js';
import { rawTable } from '../../core/event-schema.js';
import type { SegmentWriter } from '../../core/ports/segment-writer.js';
import type { SpoolSegment } from '../../core/ports/spool-reader.js';
import { quoteString } from '../sql-text.js';
import type { StoreSettings, StoreWriter } from '../store-writer.js';

/**
 * One segment, one INSERT, one block, one token.
 *
 * The file holds a Native block for each append. The engine squashes them into one block before it writes, because
 * every threshold is above a segment; one block is one part in the raw table and passes each materialized view
 * once. The token is the segment's id: a replay is recognised in the raw table and in every view's target, each of
 * which has a deduplication window. What that cannot promise over a power cut or a failed write, the embedded engine
 * is asked for (`exact-segment-writer.ts`).
 */
export interface SegmentWriterOptions {
  readonly database: string;
  /**
   * How the bytes get there: the embedded engine reads the file itself, by its path; a server gets it as
   * the body of the request.
   */
  readonly transport: 'infile' | 'body';
  /** Of a cluster: the shard that gets it. */
  readonly shard?: number;
  /** Replicas that must have it before the insert succeeds. */
  readonly quorum?: string | null;
}

/** Rows and bytes above any segment: nothing splits it. */
const blockRowsMax = 100_000_000;
const blockBytesMax = 100_000_000_000;

/** Of an insert that is one block, whatever it is made of, and is dropped when one with its token was there before. */
export function oneBlockSettings(token: string): StoreSettings {
  return {
    // On by default in recent versions; its buffer would merge segments and ignore their tokens.
    async_insert: 0,
    insert_deduplicate: 1,
    insert_deduplication_token: token,
    deduplicate_blocks_in_dependent_materialized_views: 1,
    max_insert_block_size: blockRowsMax,
    min_insert_block_size_rows: blockRowsMax,
    min_insert_block_size_bytes: blockBytesMax,
    // Views follow the general thresholds, whatever the server's profile says.
    min_insert_block_size_rows_for_materialized_views: 0,
    min_insert_block_size_bytes_for_materialized_views: 0,
    max_insert_threads: 1,
    // Rollup rows are already one a key: sorting out here is wasted.
    optimize_on_insert: 0,
    materialized_views_ignore_errors: 0,
  };
}

/** Of a server, which several collectors may share: the token tells what it has. */
export function createSegmentWriter(
  deps: { readonly store: StoreWriter },
  options: SegmentWriterOptions,
): SegmentWriter {
  return {
    insert(segment) {
      const name = `insert of segment ${segment.id}`;
      const sql = insertStatement(segment, options);
      if (options.transport === 'infile') return deps.store.command({ name, sql });
      return deps.store.insertStream({ name, sql }, () => createReadStream(segment.dataPath));
    },
    giveUp: async () => null,
  };
}

/** `into`: default the raw table, with the token of the segment. */
export function insertStatement(
  segment: SpoolSegment,
  options: SegmentWriterOptions,
  into: { readonly table: string; readonly token: string } = { table: rawTable, token: segment.id },
): string {
  const bad = segment.columns.find((column) => !/^[a-z][a-z0-9_]*$/.test(column));
  if (bad !== undefined || segment.columns.length === 0) {
    throw new CollectorError('segment_corrupt', `cannot insert segment ${segment.id}: column ${bad ?? 'list empty'}`);
  }
  // The order of the clauses matters: SETTINGS after the path and before FORMAT.
  return [
    `INSERT INTO ${options.database}.${into.table} (${segment.columns.join(', ')})`,
    ...(options.transport === 'infile' ? [`FROM INFILE ${quoteString(segment.dataPath)} COMPRESSION 'none'`] : []),
    settingsClause({
      ...placeSettings(options),
      ...oneBlockSettings(into.token),
      ...planSettings(options),
      ...indexSettings(options),
    }),
    'FORMAT Native',
  ].join(' ');
}

function placeSettings({ shard, quorum }: SegmentWriterOptions): StoreSettings {
  return {
    ...(shard === undefined ? {} : { insert_shard_id: shard, distributed_foreground_insert: 1 }),
    ...(quorum === undefined || quorum === null ? {} : { insert_quorum: quorum, insert_quorum_parallel: 1 }),
  };
}

/**
 * Every insert plans the query of each view anew, and the engine's first analyzer takes less for that than the second:
 * an insert of 16,500 rows takes 12.3 us of CPU a row with it and 13.8 without (medians of three replays in turn, each
 * of 14 segments). Both fill the same, to the last byte of every state. Compiling the expressions of the views to
 * machine code does not pay either: with it the same takes 17.5 us, without it 12.1, and 2.57 and 2.51 at 312,000 rows
 * (the least of two and of three replays in turn). Of the embedded engine only, whose version is known: a server may no
 * longer have the first analyzer, and need not plan as often.
 */
function planSettings({ transport }: SegmentWriterOptions): StoreSettings {
  if (transport !== 'infile') return {};
  return {
    allow_experimental_analyzer: 0,
    compile_expressions: 0,
    compile_aggregate_expressions: 0,
    compile_sort_description: 0,
  };
}

/**
 * Bloom filters that an insert leaves to the first merge of its part. A lookup by task names its run, whose filter is
 * made, or its agent, which is in the key of the raw rows; lists by engagement, person or session read one or two
 * granules of a part that no merge has taken yet. Named so, because other tables may have an index of the same name: it
 * is left out there too. Of the embedded engine only: a server may not know the setting.
 */
const indexesLeftToMerges = ['task_id_bloom', 'engagement_id_bloom', 'user_id_bloom', 'session_id_bloom'];

function indexSettings({ transport }: SegmentWriterOptions): StoreSettings {
  return transport === 'infile' ? { exclude_materialize_skip_indexes_on_insert: indexesLeftToMerges.join(', ') } : {};
}

export function settingsClause(settings: StoreSettings): string {
  return `SETTINGS ${Object.entries(settings)
    .map(([name, value]) => `${name} = ${typeof value === 'number' ? value : quoteString(value)}`)
    .join(', ')}`;
}
