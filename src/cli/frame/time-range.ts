import { dayMs } from '../../core/time-span.js';
import { instant } from '../../core/time-text.js';
import { integer } from './command.js';

/** Beyond what a collector lets a query span, unless it is configured to. */
const daysMax = 3_660;

export const daysOption = {
  days: integer('COUNT', { min: 1, max: daysMax, fallback: 30, says: 'how many days back' }),
};

/** The begin of a range that ends now. */
export function daysBefore(nowMs: number, days: number): string {
  return instant(nowMs - days * dayMs);
}
