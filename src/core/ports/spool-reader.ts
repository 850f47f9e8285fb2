/** A closed segment, ready to be inserted. */
export interface SpoolSegment {
  /** Unique for ever; the insert's deduplication token. */
  readonly id: string;
  /** Absolute path; its bytes are the body of the insert, `FORMAT Native`. */
  readonly dataPath: string;
  readonly bytes: number;
  readonly rows: number;
  readonly columns: readonly string[];
  /** Time of receipt of its first and last batch, ms since the epoch. */
  readonly firstReceivedMs: number;
  readonly lastReceivedMs: number;
  /** What `SegmentWriter.giveUp` told when it was put aside, empty for null, and it has come back; else absent. */
  readonly arrived?: string;
}

export interface SpoolReader {
  /** The oldest closed segment that is neither released nor quarantined, or null. Does not remove it. */
  peek(): SpoolSegment | null;
  /** Called whenever a segment is closed. One listener. */
  onClosed(callback: () => void): void;
  /** The segment is in the store, durably: carries its positions forward, then deletes its files. */
  release(id: string): Promise<void>;
  /**
   * Renames the files to `*.quarantined`, carries positions forward, counts; never deletes. `arrived`: what the store
   * has of it all the same, kept beside it.
   */
  quarantine(id: string, reason: 'corrupt' | 'store_rejected', arrived: string | null): Promise<void>;
  stats(): SpoolStats;
}

export interface SpoolStats {
  readonly segments: number;
  readonly bytes: number;
  /** Events durable in the spool and not yet inserted. */
  readonly events: number;
  /** Time of receipt of the oldest undelivered event, null when there is none. */
  readonly oldestReceivedMs: number | null;
  readonly quarantinedSegments: number;
  readonly quarantinedEvents: number;
  readonly producers: number;
  readonly fullness: number;
}
