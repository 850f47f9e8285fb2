/** Of a store whose servers have copies of the tables. */
export interface Replication {
  /** Resolves when each copy of these tables has what one of them has now. */
  caughtUp(tables: readonly string[]): Promise<void>;
  /** Whether the tables take patches; else the parts that hold erased rows are written again. */
  readonly hasPatches: boolean;
}

/** Of one server. */
export const unreplicated: Replication = { caughtUp: async () => {}, hasPatches: true };
