import { retentionDays } from '../core/retention.js';
import { integer } from './config-field.js';

/** How long what is kept. */
export const retentionFields = {
  rawDays: integer(
    { default: retentionDays.raw, min: 3, max: 3_650 },
    'Days raw events are kept, by the time of their receipt; steps and logs are read from them.',
  ),
  minuteDays: integer(
    { default: retentionDays.minutes, min: 3, max: 3_650 },
    'Days the minute rollup is kept, by event time.',
  ),
  historyDays: integer(
    { default: retentionDays.history, min: 3, max: 3_650 },
    'Days runs, tasks and failures are kept, by the time of their receipt.',
  ),
  errorDays: integer(
    { default: retentionDays.errors, min: 3, max: 3_650 },
    'Days error groups are kept, by event time.',
  ),
} as const;

/** What follows the erasure of a run or person. */
export const erasureFields = {
  lateDays: integer(
    { default: 30, min: 0, max: 400 },
    'Days in which events that come late of an erased run or person are looked for and erased too.',
  ),
  purgeHours: integer(
    { default: 24, min: 1, max: 720 },
    'Hours after which the removal of erased rows from data files begins; they cannot be read before either.',
  ),
} as const;
