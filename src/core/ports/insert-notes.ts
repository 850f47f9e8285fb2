/** What the store was like before an insert began. */
export interface InsertNote {
  readonly segmentId: string;
  /** The writer's own words; at most 64 KiB. */
  readonly content: string;
}

/** Keeps the last note of the writer over crashes and power cuts. */
export interface InsertNotes {
  /** Null when none was ever written. */
  read(): Promise<InsertNote | null>;
  /** Resolves when the note is on the disk. */
  write(note: InsertNote): Promise<void>;
}
