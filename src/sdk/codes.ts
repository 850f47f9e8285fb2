/**
 * The part of the collector's error table that a client goes by, apart from it because a page downloads it; a test
 * holds them equal. Of a code that is in none, of a newer collector, trying again is the safe answer.
 */

/** Codes of a connection that cannot be had again: another try would be refused too, whatever the operator does. */
export const faultCodes = /^(frame|seq|producer|parameter|protocol)_/;

/** Those that another key, scope, certificate or address mends, which may come while an agent runs. */
export const refusalCodes = /^(key_[imr]|scope|certificate|user|path)/;

/** What is said of an event that was kept all the same. */
export const noticeCodes = /^((field|column)_unk|confl|time_c)/;
