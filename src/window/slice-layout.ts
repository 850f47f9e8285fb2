import { countsCells } from './counts.js';
import { durationsCells } from './durations.js';
import { errorsCells } from './errors.js';
import { qualityCells } from './quality.js';
import { usageCells } from './usage.js';

/** Where each aggregate has its cells within the block of a slice. 17 cells, in a block of 144 bytes. */
export const countsAt = 0;
export const durationsAt = countsAt + countsCells;
export const usageAt = durationsAt + durationsCells;
export const errorsAt = usageAt + usageCells;
export const qualityAt = errorsAt + errorsCells;
export const sliceCells = qualityAt + qualityCells;
