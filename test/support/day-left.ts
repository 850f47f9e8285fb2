const dayMs = 86_400_000;

/** For what has to happen within one day of UTC: waits for the next one where less than `leftMsMin` is left of this. */
export async function untilDayHasLeft(leftMsMin: number): Promise<void> {
  const leftMs = dayMs - (Date.now() % dayMs);
  if (leftMs < leftMsMin) await new Promise((resolve) => setTimeout(resolve, leftMs + 100));
}
