/**
 * The version of a row in the tables of tasks and runs, by which the row that counts is found (see their migrations):
 * bit 62 says that it ended, below it are 42 bits of the event time in ms, 16 of the attempt and 4 of the type.
 */

export const endedBit = '4611686018427387904';

/** All of a version but whether it ended: which of two rows said something later. */
export const saidBits = '4611686018427387903';

/** Time of the event, ms since the epoch. */
export const versionMs = `bitShiftRight(bitAnd(version, ${saidBits}), 20)`;

export const versionAttempt = 'bitAnd(bitShiftRight(version, 4), 65535)';
