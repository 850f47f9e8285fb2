/**
 * Tokens come at a rate, up to a burst, and are taken when what they are for is known: the level may fall below 0 then,
 * and nothing more is due until the debt is paid. So a frame that is larger than the burst is taken once in a while,
 * and over time the rate is kept exactly.
 */
export class TokenBucket {
  #perSecond = 0;
  #burst = 0;
  #level = 0;
  #atMs: number;

  constructor(perSecond: number, burst: number, nowMs: number) {
    this.#atMs = nowMs;
    this.#perSecond = perSecond;
    this.#burst = burst;
    this.#level = burst;
  }

  get perSecond(): number {
    return this.#perSecond;
  }

  /** Another rate from now on; what was saved or is owed stays, within the new burst. */
  change(perSecond: number, burst: number, nowMs: number): void {
    this.#level = Math.min(this.level(nowMs), burst);
    this.#perSecond = perSecond;
    this.#burst = burst;
  }

  level(nowMs: number): number {
    const passedMs = nowMs - this.#atMs;
    if (passedMs > 0) {
      this.#level = Math.min(this.#burst, this.#level + (passedMs / 1_000) * this.#perSecond);
      this.#atMs = nowMs;
    }
    return this.#level;
  }

  take(tokens: number, nowMs: number): void {
    this.#level = Math.min(this.#burst, this.level(nowMs) - tokens);
  }

  /** Until so many are there, or as many as there can be. */
  msUntil(tokens: number, nowMs: number): number {
    const missing = Math.min(tokens, this.#burst) - this.level(nowMs);
    return missing <= 0 ? 0 : Math.ceil((missing / this.#perSecond) * 1_000);
  }
}
