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
