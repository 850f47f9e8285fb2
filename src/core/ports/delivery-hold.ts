/** Deliveries stand still for a moment: ingest and its acknowledgements go on into the spool. */
export interface DeliveryHold {
  /**
   * Runs `work` while this collector inserts nothing and every insert it began is complete. Rejects with
   * `store_unreachable`, without running it, when an insert is being retried: its rows may be there in part.
   */
  whileHeld<T>(work: () => Promise<T>): Promise<T>;
}
