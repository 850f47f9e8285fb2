import type { Clock, Random } from '../../core/clock.js';
import { quoteString } from '../sql-text.js';

/** Makes a deduplication token that no insert has had, for rows that may well have been inserted before. */
export type InsertToken = () => string;

export function createInsertToken(clock: Clock, random: Random): InsertToken {
  let serial = 0;
  return () => `maintenance-${clock.nowMs()}-${++serial}-${Math.floor(random() * 2 ** 48).toString(36)}`;
}

/** Settings of an insert of the maintenance: never dropped as a repetition, one thread. */
export function insertSettings(token: string): string {
  const deduplication = `async_insert = 0, insert_deduplication_token = ${quoteString(token)}`;
  return `SETTINGS ${deduplication}, max_threads = 1, max_insert_threads = 1`;
}
