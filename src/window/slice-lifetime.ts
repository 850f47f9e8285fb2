import { type CellArena, cellOffset } from './cell-arena.js';
import { clearDurations, digestRef, sealDurations } from './durations.js';
import type { SliceSeries } from './slice-series.js';

/** Where the block of a slice keeps what refers to other blocks. */
export interface SliceLayout {
  readonly cells: number;
  readonly durationsAt: number;
  /** Cells that hold the reference of a block, 0 for none, which is freed with the slice. */
  readonly blocksAt: readonly number[];
}

/** Adds an empty slice that does not exist yet; seals the digest of the one that was newest until now. */
export function openSlice(arena: CellArena, series: SliceSeries, layout: SliceLayout, number: number): number {
  const newest = series.newestNumber();
  if (number > newest && newest >= 0) {
    const sealed = series.find(newest);
    sealDurations(arena, arena.chunk(sealed).f64, cellOffset(sealed) + layout.durationsAt);
  }
  const ref = arena.allocate(layout.cells);
  const cells = arena.chunk(ref).f64;
  const at = cellOffset(ref);
  cells.fill(0, at, at + layout.cells);
  clearDurations(cells, at + layout.durationsAt);
  series.insert(number, ref);
  return ref;
}

/** Frees the slices before number `oldest`, with all they refer to. */
export function expireSlices(arena: CellArena, series: SliceSeries, layout: SliceLayout, oldest: number): void {
  for (let ref = series.shiftBefore(oldest); ref !== 0; ref = series.shiftBefore(oldest)) {
    const cells = arena.chunk(ref).f64;
    const at = cellOffset(ref);
    const durations = digestRef(cells, at + layout.durationsAt);
    if (durations !== 0) arena.free(durations);
    for (const blockAt of layout.blocksAt) {
      if (cells[at + blockAt] !== 0) arena.free(cells[at + blockAt]!);
    }
    arena.free(ref);
  }
}
