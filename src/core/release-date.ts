/**
 * The month this version was released in, and so a time that has passed wherever it runs: a wall clock before it is
 * certainly wrong. A constant that is moved with a release, and not the time of the build: that would be the word of
 * the clock of whatever machine built it. `test/core/release-date.test.ts` keeps it near the newest change.
 */
export const releaseMs = Date.UTC(2026, 10, 1);

/** Times beyond do not fit the store: its seconds are 32 bits, and the retention is added to them. */
export const latestMs = Date.UTC(2090, 0, 1);
