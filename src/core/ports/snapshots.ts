/**
 * Images of the data directory of a collector that runs, for a backup of it. One is there at a time: a new one takes
 * the place of the last.
 */
export interface Snapshots {
  /**
   * An image that a collector can be started on: it has everything that was acknowledged before the call, in the store
   * or in its spool. Rejects with `snapshot_unsupported` where the store is a server's, `overloaded` while another is
   * being taken, `store_unreachable` while an insert is being retried, and what the disk or the store refuses.
   */
  take(): Promise<Snapshot>;
  /** Deletes it; false when there is none of this id. */
  drop(id: string): Promise<boolean>;
}

export interface Snapshot {
  /** Its files lie in `snapshot/<id>` of the data directory, laid out as in there. */
  readonly id: string;
  readonly takenMs: number;
}
