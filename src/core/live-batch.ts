/**
 * What a decoded batch holds for the live view, made by a decoding thread from the finished columns (so duplicates and
 * malformed frames are gone and secrets are masked) and read by `src/live` once the batch is durable.
 */

/** Who listens to what: goes with each batch to its thread; null when nobody listens. */
export interface LiveInterest {
  /** Changes with every change of the filters, so that a thread reads `filters` only then. */
  readonly version: number;
  /** A `LiveFilter[]` as JSON: one string is copied between threads at once. */
  readonly filters: string;
}

/** A group of subscribers that want the same. An empty list lets everything pass. */
export interface LiveFilter {
  readonly group: number;
  readonly tenant: string;
  /** Only events of this user pass; absent or null: whoever they name. */
  readonly user?: string | null;
  readonly agents: readonly string[];
  readonly runs: readonly string[];
  /** Numbers of event types. */
  readonly types: readonly number[];
  /** What the event itself tells; absent: whatever. */
  readonly models?: readonly string[];
  readonly providers?: readonly string[];
  readonly environments?: readonly string[];
}

/** The lists of a filter that choose events by a name they carry, with the field that has it. */
export const liveNames = { models: 'model', providers: 'provider', environments: 'environment' } as const;

/** The events of a batch that somebody wants. */
export interface LiveEvents {
  /** JSON objects in UTF-8 with a comma between each two: any part from event to event is the inside of an array. */
  readonly json: Uint8Array;
  /** Offset of the end of each event in `json`; the next one starts a byte later. */
  readonly ends: Uint32Array;
  /** Triples: a group, the first of its events and the one behind the last. A group may come many times. */
  readonly ranges: Uint32Array;
}

/**
 * Starts and ends of runs, tasks and steps in a batch, and what each run adds up to, packed: 16 bytes an event instead
 * of objects, since it is made of every batch whether somebody listens or not.
 */
export interface LifecycleChanges {
  /** Tenants, agents and names of the batch; the numbers below that point to a text are indices of this list. */
  readonly texts: readonly string[];
  /** Ids of runs and of what was started, end to end, in UTF-8. */
  readonly ids: Uint8Array;
  /** `runFields` numbers a pair of run and agent. */
  readonly runs: Float64Array;
  /** In the order of the rows, `subjectFields` numbers each: fingerprint (low, high), type, index in `runs`. */
  readonly subjects: Uint32Array;
  /** For each subject whose type starts something, in their order: `openingFields` numbers. */
  readonly openings: Float64Array;
  /** Heartbeats of agents that name neither run nor task: pairs of tenant and agent. */
  readonly heartbeats: Uint32Array;
}

/** Places of the numbers of a run in `LifecycleChanges.runs`. */
export const runPlaces = {
  /** Fingerprint of tenant and run id, 53 bits. */
  key: 0,
  tenant: 1,
  agent: 2,
  idOffset: 3,
  idEnd: 4,
  /** Event time of the latest of the events. */
  lastMs: 5,
  /** From here on `runSums`, in their order. */
  sums: 6,
} as const;

/** What the events of a run add up to. Usage is that of terminal events with scope `own`. */
export const runSums = {
  events: 0,
  tokensIn: 1,
  tokensOut: 2,
  costMicros: 3,
  tasksCompleted: 4,
  tasksFailed: 5,
  tasksCancelled: 6,
  stepsCompleted: 7,
  stepsFailed: 8,
  /** Events whose cost is in `costMicros`. */
  costReports: 9,
  /** Tokens, in and out, of the events without a cost. */
  tokensUnpriced: 10,
} as const;
export const runSumCount = 11;
export const runFields = runPlaces.sums + runSumCount;

export const subjectFields = 4;
/** In the place of an index in `runs`: the event names no run. */
export const noRun = 0xffff_ffff;

export const openingPlaces = { tenant: 0, agent: 1, name: 2, idOffset: 3, idEnd: 4, startedMs: 5 } as const;
export const openingFields = 6;

/** A fingerprint as one number: its low 32 bits and 21 of the high ones, an exact integer. */
export function fingerprintKey(low: number, high: number): number {
  return (low >>> 0) + (high & 0x1f_ffff) * 0x1_0000_0000;
}

export const noLifecycle: LifecycleChanges = {
  texts: [],
  ids: new Uint8Array(0),
  runs: new Float64Array(0),
  subjects: new Uint32Array(0),
  openings: new Float64Array(0),
  heartbeats: new Uint32Array(0),
};
