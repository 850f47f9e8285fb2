import type { WindowName, WindowSnapshot } from '../core/ports/live-windows.js';
import { type CellArena, cellOffset } from './cell-arena.js';
import { addCounts, emptyCounts, successRateOf, sumCounts } from './counts.js';
import { addDurations, type DurationTotals } from './durations.js';
import { addErrors, type ErrorTotals, sumErrors } from './errors.js';
import { addQuality, emptyQuality, sumQuality } from './quality.js';
import type { SliceDelta } from './slice-delta.js';
import { countsAt, durationsAt, errorsAt, qualityAt, sliceCells, usageAt } from './slice-layout.js';
import { expireSlices, openSlice, type SliceLayout } from './slice-lifetime.js';
import { SliceSeries } from './slice-series.js';
import { addUsage, emptyUsage, sumUsage } from './usage.js';
import { coverWindow, oldestSlice, type SliceRun, windowLevels } from './window-levels.js';

const layout: SliceLayout = { cells: sliceCells, durationsAt, blocksAt: [errorsAt] };

/** The slices of one agent at every width. */
export class AgentWindows {
  readonly tenant: string;
  readonly agentId: string;
  /** Neighbours in the order of activity, and when it was moved to the front of it; kept by `ActivityList`. */
  newer: AgentWindows | null = null;
  older: AgentWindows | null = null;
  touchedMs = 0;
  /** The rollup's rows of this agent are in; a second restore leaves it alone. */
  restored = false;
  /** When it was last evicted, before it came back; see `EvictedAgents`. */
  evictedMs: number | undefined = undefined;
  /** Position in the list that expiry walks; kept by `createLiveWindows`. */
  slot = 0;
  #newestMs = 0;
  readonly #arena: CellArena;
  readonly #series = windowLevels.map(() => new SliceSeries());

  constructor(arena: CellArena, key: { readonly tenant: string; readonly agentId: string }) {
    this.#arena = arena;
    this.tenant = key.tenant;
    this.agentId = key.agentId;
  }

  /** Hot path: once a batch and agent. Adds at every width that still reaches back to `timeMs`. */
  add(delta: SliceDelta, timeMs: number, nowMs: number): void {
    for (let level = 0; level < windowLevels.length; level++) this.addAt(level, delta, timeMs, nowMs);
  }

  /** Adds at one width only; nothing when the time is out of its reach. */
  addAt(level: number, delta: SliceDelta, timeMs: number, nowMs: number): void {
    const { widthMs } = windowLevels[level]!;
    const number = Math.floor(timeMs / widthMs);
    const oldest = oldestSlice(windowLevels[level]!, nowMs);
    if (number < oldest) return;
    if (timeMs > this.#newestMs) this.#newestMs = timeMs;
    const series = this.#series[level]!;
    let ref = series.find(number);
    if (ref === 0) {
      expireSlices(this.#arena, series, layout, oldest);
      ref = openSlice(this.#arena, series, layout, number);
    }
    const arena = this.#arena;
    const cells = arena.chunk(ref).f64;
    const at = cellOffset(ref);
    addCounts(cells, at + countsAt, delta);
    addDurations(arena, cells, at + durationsAt, delta, number === series.newestNumber());
    addUsage(cells, at + usageAt, delta);
    addErrors(arena, cells, at + errorsAt, delta);
    addQuality(cells, at + qualityAt, delta);
  }

  /** Whether the longest window holds anything at `nowMs`. */
  isLive(nowMs: number): boolean {
    return coverWindow('24h', nowMs).some((run) => this.#series[run.level]!.hasAnyIn(run.from, run.to));
  }

  /** Start of the newest slice, not later than `nowMs`. */
  lastSeenMs(nowMs: number): number {
    return Math.min(nowMs, this.#newestMs);
  }

  snapshot(window: WindowName, nowMs: number, durations: DurationTotals): WindowSnapshot {
    const counts = emptyCounts();
    const usage = emptyUsage();
    const errors: ErrorTotals = {};
    const quality = emptyQuality();
    durations.clear();
    this.#forEachSlice(coverWindow(window, nowMs), (cells, at) => {
      sumCounts(counts, cells, at + countsAt);
      durations.sum(this.#arena, cells, at + durationsAt);
      sumUsage(usage, cells, at + usageAt);
      sumErrors(errors, this.#arena, cells[at + errorsAt]!);
      sumQuality(quality, cells, at + qualityAt);
    });
    return {
      total: counts.completed + counts.failed + counts.cancelled,
      ...counts,
      successRate: successRateOf(counts),
      duration: durations.snapshot(),
      ...usage,
      errors,
      confidenceAvg: quality.confidenceCount === 0 ? null : quality.confidenceSum / quality.confidenceCount,
      memoryMbMax: quality.memoryMbMax > 0 ? quality.memoryMbMax : null,
    };
  }

  /** Frees what no window reaches any more; returns whether anything is left. */
  expire(nowMs: number): boolean {
    for (let level = 0; level < windowLevels.length; level++) {
      expireSlices(this.#arena, this.#series[level]!, layout, oldestSlice(windowLevels[level]!, nowMs));
    }
    return this.#series.some((series) => series.length > 0);
  }

  /** Frees everything. */
  clear(): void {
    for (const series of this.#series) expireSlices(this.#arena, series, layout, Number.POSITIVE_INFINITY);
  }

  #forEachSlice(runs: readonly SliceRun[], visit: (cells: Float64Array, at: number) => void): void {
    for (const run of runs) {
      this.#series[run.level]!.forEachIn(run.from, run.to, (ref) => {
        visit(this.#arena.chunk(ref).f64, cellOffset(ref));
      });
    }
  }
}
