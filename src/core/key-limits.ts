/**
 * What one API key may send and ask, each of them null where there is no bound. A key has its own, or that of the
 * configuration (`keyLimits`).
 */
export interface KeyLimits {
  readonly eventsPerSecond: number | null;
  readonly bytesPerSecond: number | null;
  readonly requestsPerSecond: number | null;
  readonly eventsPerDay: number | null;
}

/** As stored with a key: what is absent is the configuration's, 0 is no bound whatever that says. */
export type OwnKeyLimits = { readonly [Name in keyof KeyLimits]?: number | undefined };

export type KeyLimitName = keyof KeyLimits;

export const noKeyLimits: KeyLimits = {
  eventsPerSecond: null,
  bytesPerSecond: null,
  requestsPerSecond: null,
  eventsPerDay: null,
};

/** The largest of each that can be set. */
export const keyLimitMax = 1_000_000_000_000;

/** What holds for a key; 0 of the configuration is no bound either. */
export function limitsOf(own: OwnKeyLimits, defaults: Readonly<Record<KeyLimitName, number>>): KeyLimits {
  const bound = (name: KeyLimitName): number | null => (own[name] ?? defaults[name]) || null;
  return {
    eventsPerSecond: bound('eventsPerSecond'),
    bytesPerSecond: bound('bytesPerSecond'),
    requestsPerSecond: bound('requestsPerSecond'),
    eventsPerDay: bound('eventsPerDay'),
  };
}
