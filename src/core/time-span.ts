/** Ms since the epoch; half open, and empty when its end is not after its start. */
export interface TimeSpan {
  readonly fromMs: number;
  readonly toMs: number;
}
