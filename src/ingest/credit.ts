/** How much a connection may have unacknowledged: as much as configured, a quarter of it, or nothing. */
export type CreditLevel = 'open' | 'reduced' | 'stopped';

export interface Pressure {
  /** Bytes received and not answered, over what may be. */
  readonly memoryRatio: number;
  /** The spool's fullness, 1 at its high watermark. */
  readonly spoolRatio: number;
  /** The spool refuses appends now, or the clock is not set. */
  readonly stalled: boolean;
}

/**
 * The next level, with hysteresis so that it does not flap: memory closes at 1 and half of it reduces;
 * a level is left upwards only when the pressure has fallen to half of what caused it.
 */
export function nextCreditLevel(current: CreditLevel, pressure: Pressure): CreditLevel {
  const { memoryRatio, spoolRatio, stalled } = pressure;
  if (stalled || spoolRatio >= 1 || memoryRatio >= 1) return 'stopped';
  if (memoryRatio >= 0.5 || spoolRatio >= 0.95) return current === 'stopped' ? 'stopped' : 'reduced';
  if (memoryRatio >= 0.25) return current === 'stopped' ? 'reduced' : current;
  return 'open';
}

export function creditFrames(level: CreditLevel, framesMax: number): number {
  if (level === 'open') return framesMax;
  return level === 'reduced' ? Math.max(1, Math.floor(framesMax / 4)) : 0;
}

/** Memory in flight at which the cap is cut, and below which it may grow again. */
const cutRatio = 0.5;
const growRatio = 0.25;
const cutEveryMs = 1_000;
const growEveryMs = 10_000;

/**
 * How many frames `open` stands for: all that is configured until their bytes press on the memory, then a quarter of
 * it, and twice as much after every ten seconds without pressure. Without it twenty connections with frames of 110 KB
 * send 140 MB at once whenever the credit opens, which wait five seconds to be decoded.
 */
export class CreditCap {
  readonly #framesMax: number;
  #frames: number;
  #changedMs = Number.NEGATIVE_INFINITY;

  constructor(framesMax: number) {
    this.#framesMax = framesMax;
    this.#frames = framesMax;
  }

  /** The cap for `memoryRatio` (see `Pressure`) at `nowMs`, monotonic. */
  at(memoryRatio: number, nowMs: number): number {
    const sinceMs = nowMs - this.#changedMs;
    if (memoryRatio >= cutRatio && sinceMs >= cutEveryMs && this.#frames > 1) {
      this.#set(Math.max(1, Math.floor(this.#frames / 4)), nowMs);
    } else if (memoryRatio < growRatio && sinceMs >= growEveryMs && this.#frames < this.#framesMax) {
      this.#set(Math.min(this.#framesMax, 2 * this.#frames), nowMs);
    }
    return this.#frames;
  }

  #set(frames: number, nowMs: number): void {
    this.#frames = frames;
    this.#changedMs = nowMs;
  }
}
