import { ratio } from './config-field.js';

/** When a health check finds fault. */
export const healthFields = {
  diskDegradedRatio: ratio(
    { default: 0.85, min: 0.05, max: 0.99 },
    'Used share of the disk of the data directory from which on health is degraded.',
  ),
  diskUnhealthyRatio: ratio(
    { default: 0.95, min: 0.05, max: 1 },
    'Used share of it from which on the disk is unhealthy; the collector is degraded while it takes events.',
  ),
} as const;
