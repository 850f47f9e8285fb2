/** Within long work: what waits for the event loop, acknowledgements above all, comes first. */
export function turnOfOthers(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
