import { keyLimitMax } from '../core/key-limits.js';
import { integer } from './config-field.js';

/** What each API key may have that has no limits of its own; 0 is no bound. Each collector counts for itself. */
export const keyLimitFields = {
  eventsPerSecond: integer(
    { default: 0, min: 0, max: keyLimitMax },
    'Events a second of a key without a limit of its own, over all its connections; 0: no bound.',
  ),
  bytesPerSecond: integer(
    { default: 0, min: 0, max: keyLimitMax },
    'Bytes of frames a second of such a key; 0: no bound.',
  ),
  requestsPerSecond: integer(
    { default: 0, min: 0, max: keyLimitMax },
    'Requests a second of such a key, but for those that send events, administer or monitor; 0: no bound.',
  ),
  eventsPerDay: integer(
    { default: 0, min: 0, max: keyLimitMax },
    'Acknowledged events of such a key in a UTC day; 0: no bound.',
  ),
  burstSeconds: integer(
    { default: 10, min: 1, max: 3_600 },
    'Seconds of each rate that a key may take at once: its burst is the rate times this.',
  ),
} as const;
