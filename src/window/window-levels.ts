import { windowSliceMs } from '../core/limits.js';
import { type WindowName, windowMs } from '../core/ports/live-windows.js';

/**
 * Every batch is added at three widths, each kept as long as the longest window that ends on its slices. The widths
 * divide each other, so a read covers its window with the fewest slices: wide ones inside, narrow ones at the two
 * ends.
 *
 * Why 10 minutes for the day and not 5: an agent with a task a minute costs 41 KB instead of 66 KB, and the day's edge
 * moves in steps of 0.7 % of the window.
 */
export interface WindowLevel {
  readonly widthMs: number;
  readonly spanMs: number;
}

export const windowLevels: readonly WindowLevel[] = [
  { widthMs: windowSliceMs, spanMs: windowMs['15m'] },
  { widthMs: 60_000, spanMs: windowMs['1h'] },
  { widthMs: 600_000, spanMs: windowMs['24h'] },
];

const levelOf: Readonly<Record<WindowName, number>> = { '1m': 0, '5m': 0, '15m': 0, '1h': 1, '24h': 2 };

/** Number of the oldest slice of a level that a window still counts: the one under way is the last of span / width. */
export function oldestSlice(level: WindowLevel, nowMs: number): number {
  return Math.floor(nowMs / level.widthMs) - level.spanMs / level.widthMs + 1;
}

/** A run of slices of one level, from number `from` to below `to`. */
export interface SliceRun {
  readonly level: number;
  readonly from: number;
  readonly to: number;
}

/**
 * The slices of a window at `nowMs`. It ends with the 5-second slice under way, and begins on a slice of its level:
 * 1m, 5m and 15m reach back to a 5-second, 1h to a minute, 24h to a 10-minute boundary. What is dated later
 * than the slice under way is not in any window until its time has come.
 */
export function coverWindow(window: WindowName, nowMs: number): SliceRun[] {
  const { widthMs } = windowLevels[levelOf[window]]!;
  const startMs = (Math.floor(nowMs / widthMs) + 1) * widthMs - windowMs[window];
  const endMs = (Math.floor(nowMs / windowSliceMs) + 1) * windowSliceMs;
  const runs: SliceRun[] = [];
  cover(runs, windowLevels.length - 1, startMs, endMs);
  return runs;
}

function cover(runs: SliceRun[], level: number, startMs: number, endMs: number): void {
  if (startMs >= endMs) return;
  const { widthMs } = windowLevels[level]!;
  const from = Math.ceil(startMs / widthMs);
  const to = Math.floor(endMs / widthMs);
  if (from >= to) {
    cover(runs, level - 1, startMs, endMs);
    return;
  }
  cover(runs, level - 1, startMs, from * widthMs);
  runs.push({ level, from, to });
  cover(runs, level - 1, to * widthMs, endMs);
}
