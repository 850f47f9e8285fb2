/** What is broken on purpose, to see that the histories notice. */
export const mutants = [
  /** A sync answers before it is done. */
  'ack_before_sync',
  /** A directory is never synced. */
  'no_directory_sync',
  /** An insert that is repeated has another token. */
  'token_per_attempt',
  /** A segment is released without a look at what has come of it. */
  'release_before_check',
  /** Nothing is noted before an insert. */
  'no_note',
  /** Merged parts are not synced although their sources are gone. */
  'merge_unsynced',
  /** What is appended to the journals of positions and event ids is not written. */
  'no_journals',
] as const;
export type Mutant = (typeof mutants)[number];
