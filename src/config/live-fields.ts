import { integer } from './config-field.js';

/** Settings of the live view. */
export const liveFields = {
  subscribersMax: integer(
    { default: 2_000, min: 1, max: 100_000 },
    'Live subscribers at once, over WebSocket and as Server-Sent Events; one more is answered `subscribers_exhausted`.',
  ),
  tenantSubscribersMax: integer({ default: 1_000, min: 1, max: 100_000 }, 'Live subscribers of one tenant at once.'),
  queueBytesMax: integer(
    { default: 524_288, min: 65_536, max: 268_435_456 },
    'Bytes that wait for a live subscriber that reads too slowly; beyond it the oldest events are dropped and counted.',
  ),
  runsMax: integer(
    { default: 10_000, min: 1, max: 1_000_000 },
    'Runs under way that are kept in memory; beyond it the longest silent are dropped and counted.',
  ),
  openTasksMax: integer(
    { default: 100_000, min: 1, max: 10_000_000 },
    'Open tasks and steps that are kept in memory; beyond it the oldest are dropped and counted.',
  ),
} as const;
