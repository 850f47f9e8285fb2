import type { EngineOptions } from '../process/engine-protocol.js';
import type { Delivery } from './prepared-statement.js';

/** Settings no request can raise: a request may ask for less. 0 asks for the most there is. */
export interface ReadSettings {
  readonly max_execution_time?: number;
  readonly max_result_bytes?: number;
  readonly max_result_rows?: number;
  readonly max_memory_usage?: number;
  readonly max_threads?: number;
}

/** Of a read of the collector, whose result is held. */
export function collectorReadLimits({ queryMsMax, resultBytesMax }: EngineOptions): ReadSettings {
  return { max_execution_time: queryMsMax / 1_000, max_result_bytes: resultBytesMax };
}

/** Of a result of the collector that is sent while it is made. */
export function collectorStreamLimits({ streamMsMax }: EngineOptions): ReadSettings {
  return { max_execution_time: streamMsMax / 1_000 };
}

/** Of everybody else's. Bytes are counted where they come out, time as well while it is not known to be a stream. */
export function guestLimits(options: EngineOptions, delivery: Delivery, threadsAskable: number): ReadSettings {
  const { guestMemoryBytesMax, guestThreadsMax, guestRowsMax, guestQueryMsMax, streamMsMax } = options;
  const isSent = delivery === 'growing' || delivery === 'streamed';
  return {
    max_execution_time: (isSent ? streamMsMax : guestQueryMsMax) / 1_000,
    max_memory_usage: guestMemoryBytesMax,
    max_threads: Math.max(guestThreadsMax, threadsAskable),
    ...(isSent ? {} : { max_result_rows: guestRowsMax }),
  };
}

/** Of a write of a guest: an INSERT without end must not take the memory that the collector's need. */
export function guestWriteLimits({ memoryBytesMax, guestMemoryBytesMax }: EngineOptions): ReadSettings {
  return { max_memory_usage: Math.max(guestMemoryBytesMax, Math.floor(memoryBytesMax / writeMemoryShare)) };
}

const writeMemoryShare = 4;

/** The answer to an INSERT means that the rows are there. */
export const noAsyncInsert = ['async_insert', '0'] as const;

/** chDB takes `1 + 1` for a statement, a server does not; the guard reads as one, and `system.settings` says so. */
export const asServer = ['implicit_select', '0'] as const;

/** In microseconds: a server tells in the result how far it is with each block, the engine by default every 100 ms. */
export const promptProgress = ['interactive_delay', '1000'] as const;

/**
 * The engine looks for comparisons that follow from others, in every expression of a statement. Those of the collector
 * say themselves what reaches a key: without it a page of tasks takes 51 ms of CPU, with it 64.
 */
export const noDerivedComparisons = ['optimize_and_compare_chain', '0'] as const;

/**
 * By default the engine looks at the Bloom filters of a table while it reads it, which is for reads that stop early.
 * Before it, at all of them at once, is cheaper: the events of a task among 1,300,000 take 8.4 ms of CPU, not 13.3.
 */
export const indexesFirst = ['use_skip_indexes_on_data_read', '0'] as const;

/**
 * Otherwise the engine starts threads to format a result, of one row too: 0.17 of 0.55 ms for `SELECT 1`. A result of
 * 100,000 rows takes half as long again without them, and no less CPU with them.
 */
export const formattedAtOnce = ['output_format_parallel_formatting', '0'] as const;

/**
 * A preview of a view that groups in the order of its table's key stops with the first groups; the engine takes these
 * of the statement alone, not of a view. For `LIMIT 100` all 320,000 tasks are grouped in 2.3 s of CPU, so 0.16;
 * grouping all that is read costs two to three times more in order, which is why it is not so for every statement.
 */
export const previewSettings: ReadonlyMap<string, string> = new Map([
  ['optimize_aggregation_in_order', '1'],
  ['aggregation_in_order_max_block_bytes', '1000000'],
  ['max_block_size', '1024'],
]);

/**
 * Whose statements come first. One of a higher number pauses, block by block and a second at most each time, while one
 * of a lower number runs; 0, the engine's default, would take no part in it.
 */
export const priorities = { collector: '1', guests: '2' } as const;

/** The settings of a request under limits. */
export function limitedSettings(asked: ReadonlyMap<string, string>, limits: ReadSettings): Map<string, string> {
  const settings = new Map([['result_overflow_mode', 'throw'], ...asked]);
  for (const [name, most] of Object.entries(limits)) {
    const wanted = Number(settings.get(name) ?? 0);
    settings.set(name, String(wanted > 0 && wanted < most ? wanted : most));
  }
  return settings;
}

/**
 * Niceness of a statement's threads, where the engine may choose it: as root, or with CAP_SYS_NICE, it gives the
 * threads of every statement and merge the one that is set, by default 0. Elsewhere they have that of the process. The
 * collector has 0 and merges have 15: acknowledgements come first, then the collector's reads, then inserts and guests.
 */
export const readNiceness = ['os_threads_nice_value_query', '5'] as const;
export const guestNiceness = ['os_threads_nice_value_query', '10'] as const;
export const writeNiceness = [
  ['os_threads_nice_value_query', '10'],
  ['os_threads_nice_value_materialized_view', '10'],
] as const;
