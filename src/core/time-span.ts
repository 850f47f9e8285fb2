/** Ms since the epoch; half open, and empty when its end is not after its start. */
export interface TimeSpan {
  readonly fromMs: number;
  readonly toMs: number;
}

export const minuteMs = 60_000;
export const hourMs = 60 * minuteMs;
export const dayMs = 24 * hourMs;

/** The last multiple of `stepMs` that is not after the time. */
export function floorTo(timeMs: number, stepMs: number): number {
  return Math.floor(timeMs / stepMs) * stepMs;
}

/** The first multiple of `stepMs` that is not before the time. */
export function ceilTo(timeMs: number, stepMs: number): number {
  return Math.ceil(timeMs / stepMs) * stepMs;
}
