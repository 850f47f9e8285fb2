import type { KeySource } from './client-options.js';

/**
 * The part of the collector's error table that a client goes by, apart from it because a page downloads it; a test
 * holds them equal. A code that is in neither belongs to a newer collector: trying again is the safe answer.
 */

/** Codes of a connection that cannot be had again: another try would be refused too. */
export const finalCodes: ReadonlySet<string> = new Set(
  (
    'frame_malformed frame_shape frame_empty frame_too_large frame_too_many_events seq_missing seq_invalid ' +
    'seq_regressed producer_invalid producer_replaced key_missing key_invalid key_rotated scope_missing ' +
    'certificate_missing certificate_refused user_bound parameter_invalid protocol_unknown'
  ).split(' '),
);

/** A key that is asked for each time may be another one the next time. */
export function isFinal(code: string, key: KeySource): boolean {
  return finalCodes.has(code) && !(typeof key === 'function' && code.startsWith('key_'));
}

/** What is said of an event that was kept all the same. */
export const noticeCodes: ReadonlySet<string> = new Set(
  'field_unknown column_unknown conflicting_end time_clamped'.split(' '),
);
