/**
 * Of an event that names no run. Written with `=` it is `empty(run_id)` to the engine (26.7), of which the Bloom filter
 * on run_id tells nothing: of 2,400,000 events of the last minutes that all name one every row was read, 51 ms of CPU
 * instead of 7.5.
 */
export const withoutRun = `run_id IN ('')`;
