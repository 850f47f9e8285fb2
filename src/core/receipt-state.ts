/** How the time of receipt stands to the wall clock. */
export interface ReceiptState {
  /** The wall clock is plausible; while it is not, nothing is received. */
  readonly isSet: boolean;
  /** What is received now is received then; null before anything was. */
  readonly receivedMs: number | null;
  /** How far that is ahead of the wall clock. */
  readonly aheadMs: number;
  /** A wall clock before this is wrong. */
  readonly earliestMs: number;
}
