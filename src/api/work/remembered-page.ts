import { bytesIn } from '../../clickhouse/queries/sql/remembered-rows.js';
import { type HistoryFilter, isOpenStatus } from '../../clickhouse/queries/work/history-filter.js';
import { readListTouched } from '../../clickhouse/queries/work/history-touched.js';
import type { RememberedSource } from '../../core/ports/read-memory.js';
import type { StoreReader } from '../../core/ports/store-reader.js';
import { requestBatches } from '../request/parameter-bytes.js';
import { type HistorySearch, hasState } from './history-scan.js';

/** The first page of a list, as it was read. */
export interface ReadPage {
  /** The earliest start of what was found for it; of lists of which more is told than was found, none. */
  readonly earliestMs: number | null;
}

export interface PageAsked {
  readonly limit: number;
  readonly offset: number;
  /** Undefined: it is the first page. */
  readonly after?: unknown;
  /** What all of the page is told by; undefined: it is read anew each time. */
  readonly sources?: readonly RememberedSource[] | undefined;
}

interface Remembered<Page> {
  readonly page: Page;
  /** Of the range. */
  readonly fromMs: number | undefined;
  /** All that were looked up for it. */
  readonly ids: readonly string[];
  /** False: an insert was under way whose events were left out, which will not be told as new. */
  readonly isWhole: boolean;
}

/**
 * A page as it was read before, while nothing came that may change it. Lists by how something ended are remembered:
 * what ended as asked for is sought among much that did not, and no time passes for what ended. Who looks at the last
 * seven days asks for another start each time: nothing that was found for the page may lie between the two. `read` is
 * given the store that it is to read.
 */
export async function readRemembered<Page extends ReadPage>(
  store: StoreReader,
  { kind, filter, owner }: HistorySearch,
  { limit, offset, after, sources }: PageAsked,
  read: (store: StoreReader) => Promise<Page>,
): Promise<Page> {
  const { memory } = store;
  const isFirstOfEnded = after === undefined && hasState(filter) && !isOpenStatus(filter.status);
  if (!memory || sources === undefined || owner !== null || !isFirstOfEnded) return await read(store);
  const { startFromMs: fromMs, ...rest }: HistoryFilter = filter;
  const { page } = await memory.value<Remembered<Page>>({
    sources,
    key: JSON.stringify(['page', kind.kind, rest, fromMs === undefined, limit, offset]),
    read: async () => {
      const seen = { ids: new Set<string>(), isWhole: true };
      const page = await read(watched(store, seen));
      return { page, fromMs, ids: [...seen.ids], isWhole: seen.isWhole };
    },
    bytesOf: bytesIn,
    fits: (remembered) => remembered.isWhole && holdsFrom(remembered, fromMs),
    isUntouched: async ({ fromMs: startFromMs, ids }, since) => {
      if (requestBatches(ids, (id) => [id]).length > 1) return false;
      return !(await readListTouched(store, kind, { ...filter, startFromMs }, { ids, since }));
    },
    rests: true,
  });
  return page;
}

/** Adds to `ids` what is looked up. */
function watched(store: StoreReader, seen: { readonly ids: Set<string>; isWhole: boolean }): StoreReader {
  return {
    ...store,
    rows: (query) => {
      const { ids, inserting_from_ms: insertingFromMs } = query.params;
      if (insertingFromMs !== undefined) seen.isWhole = false;
      if (Array.isArray(ids)) for (const id of ids) seen.ids.add(String(id));
      return store.rows(query);
    },
  };
}

function holdsFrom({ page, fromMs: readFromMs }: Remembered<ReadPage>, fromMs: number | undefined): boolean {
  if (fromMs === undefined || readFromMs === undefined || fromMs === readFromMs) return true;
  return fromMs > readFromMs && page.earliestMs !== null && fromMs <= page.earliestMs;
}
