import { readConfig } from '../../src/config/read-config.js';

/** What is in force where nothing is set. */
export const { config: defaultConfig } = readConfig({ env: {}, argv: [] });

export const defaultWindowLimits = { ...defaultConfig.window, futureMs: defaultConfig.limits.skewFutureMs };

export const defaultSpoolLimits = { ...defaultConfig.spool, eventIdsMax: defaultConfig.ingest.eventIdsMax };

export const defaultFrameLimits = defaultConfig.limits;
