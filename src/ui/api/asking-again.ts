const retryMsMin = 1_000;
const retryMsMax = 30_000;

/** What failed for a while is asked again less and less often. */
export function retryAfterMs(failures: number): number {
  return Math.min(retryMsMax, retryMsMin * 2 ** failures);
}

/** A tab in the background asks nothing; it asks when it is looked at again. */
export function whenSeen(signal: AbortSignal, run: () => void): void {
  if (!document.hidden) {
    run();
    return;
  }
  const seen = () => {
    if (document.hidden) return;
    document.removeEventListener('visibilitychange', seen);
    run();
  };
  document.addEventListener('visibilitychange', seen);
  signal.addEventListener('abort', () => document.removeEventListener('visibilitychange', seen), { once: true });
}
