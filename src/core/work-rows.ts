/**
 * What a decoded batch says of starts and ends, made by a decoding thread from the finished columns and read by the
 * memory of what is under way (src/ingest/work-memory.ts) just before the append: only the thread that sees the events
 * of all batches in their order knows when something began that now ends.
 */
export interface WorkRows {
  /** Starts and ends of attempts of runs, tasks and steps, in the order of the rows: `workFields` numbers each. */
  readonly attempts: Float64Array;
  /**
   * Events of tasks that tell, or leave out, the run: `namingFields` numbers each, in the order of the rows. Of those
   * that tell it only starts are here.
   */
  readonly namings: Float64Array;
  /** Index of the event of each row within its frame; empty when nothing above needs it. */
  readonly events: Uint32Array;
  /** Where the cells of the columns lie that may be filled afterwards; null: no end leaves them out. */
  readonly cells: WorkCells | null;
}

export const workPlaces = {
  /** Fingerprint of tenant, run or agent, task, step and attempt; 53 bits. */
  key: 0,
  row: 1,
  /** Bits of `workSays`. */
  says: 2,
  /**
   * Of a start and an end: when, ms since the epoch, as reported or else the time of the event. Of an end that the
   * memory has taken: when it had started, NaN where that is not known.
   */
  momentMs: 3,
  /** Index of the window slice it counts in, -1 when it is no execution. */
  slice: 4,
  /**
   * Of a start: index in `LifecycleChanges.texts` of its name, and the number of its step kind. Of an end that the
   * memory has taken: the memory's number of the name its start told, -1 for none, and the step kind.
   */
  name: 5,
  stepKind: 6,
} as const;
export const workFields = 7;

export const workSays = {
  starts: 1,
  ends: 2,
  /** An end that does not tell its start, or its duration. */
  lacksStart: 4,
  lacksDuration: 8,
  /** An end that is known to contradict an earlier one. */
  conflicts: 16,
  /** A failure that does not tell its name: failures are grouped by it. */
  lacksName: 32,
  /** An end that the memory has taken. */
  taken: 64,
} as const;

export const namingPlaces = {
  /** Fingerprint of tenant, agent and task. */
  alias: 0,
  row: 1,
  /** Index in `LifecycleChanges.runs` of the run that is told, -1: the event leaves it out. */
  run: 2,
  /** Of a start that tells its run: the key of its attempt. */
  key: 3,
  /** Of an event of the task itself: its attempt, from 1; else 0. */
  attempt: 4,
  /** 1: it ends the task. */
  ends: 5,
} as const;
export const namingFields = 6;

/** Offsets in the block of the first cell of each column: a byte a row for NULL, then 8 bytes a row. */
export interface WorkCells {
  readonly startedNulls: number;
  readonly startedValues: number;
  readonly durationNulls: number;
  readonly durationValues: number;
}

export const noWork: WorkRows = {
  attempts: new Float64Array(0),
  namings: new Float64Array(0),
  events: new Uint32Array(0),
  cells: null,
};

/** Names a run, task or step attempt; empty where it has none. */
export interface WorkNames {
  readonly tenant: string;
  readonly run: string;
  readonly agent: string;
  readonly task: string;
  readonly step: string;
  /** From 1. */
  readonly attempt: number;
}

export interface WorkKeys {
  /** `workPlaces.key`. */
  readonly key: number;
  /** `namingPlaces.alias`; 0 without task. */
  readonly alias: number;
  /** `runPlaces.key`; 0 without run. */
  readonly runKey: number;
}

/** What the store remembers of an attempt that was under way or ended lately; times in ms since the epoch. */
export interface RememberedWork extends WorkNames {
  readonly startedMs: number;
  /** Null while it has not ended. */
  readonly endedMs: number | null;
}
