import type { SpoolStats } from './spool-reader.js';
import type { StoreReader } from './store-reader.js';

/** What is stored where, for the report of it. */
export interface StorageSources {
  /** Reads with the writer's rights: sizes of tables are refused to readers. */
  readonly metadata: StoreReader;
  readonly spool: () => Pick<SpoolStats, 'bytes' | 'segments' | 'events' | 'oldestReceivedMs' | 'quarantinedSegments'>;
  /** Of the file system of the data directory. */
  readonly disk: () => Promise<{ readonly usedBytes: number; readonly availableBytes: number }>;
}
