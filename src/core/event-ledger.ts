/**
 * The counters that must add up, in events, since this process started:
 *
 *   received = durable + duplicate + rejected + refused + underway
 *   durable + recovered = inserted + spooled + quarantined
 */
export interface EventLedger {
  readonly received: number;
  readonly durable: number;
  readonly duplicate: number;
  readonly rejected: number;
  /** Neither kept nor acknowledged: the spool was full or failed, the client resends. */
  readonly refused: number;
  /** Received and not answered yet. */
  readonly underway: number;
  /** Found in the spool at start. */
  readonly recovered: number;
  readonly inserted: number;
  readonly spooled: number;
  readonly quarantined: number;
  /** Time of receipt of the oldest event not yet in the store, ms since the epoch; null when all are. */
  readonly oldestUndeliveredMs: number | null;
}

/** What is missing (positive) or too much (negative) on the right side of each equation; 0 and 0 is balanced. */
export function ledgerDifference(ledger: EventLedger): { readonly intake: number; readonly delivery: number } {
  return {
    intake: ledger.received - (ledger.durable + ledger.duplicate + ledger.rejected + ledger.refused + ledger.underway),
    delivery: ledger.durable + ledger.recovered - (ledger.inserted + ledger.spooled + ledger.quarantined),
  };
}
