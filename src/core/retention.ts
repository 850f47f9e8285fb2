/**
 * How long the store keeps what queries read, in days, unless configured otherwise (`retention.*`); the migrations
 * that make the tables say the same as their TTL (a test compares them). The day rollup is kept for good.
 */
export const retentionDays = {
  /** Raw events, by the time they were received. */
  raw: 30,
  /** The minute rollup, by event time. */
  minutes: 90,
  /** States of tasks and runs, by the time they were received. */
  history: 90,
  /** Error groups of a day, by event time. */
  errors: 400,
} as const;

export type RetentionDays = { readonly [Name in keyof typeof retentionDays]: number };

/** As the configuration names them. */
export function retentionOf(config: {
  readonly rawDays: number;
  readonly minuteDays: number;
  readonly historyDays: number;
  readonly errorDays: number;
}): RetentionDays {
  const { rawDays, minuteDays, historyDays, errorDays } = config;
  return { raw: rawDays, minutes: minuteDays, history: historyDays, errors: errorDays };
}
