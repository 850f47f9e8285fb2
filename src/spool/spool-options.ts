import { invariant } from '../core/invariant.js';

/** Every limit of the spool. Bytes of a segment are those of its data and its log together. */
export interface SpoolOptions {
  /** Absolute path; made when it does not exist. */
  readonly directory: string;
  /** A group is written when its first batch is this old (0: at once) or when it has this many bytes. */
  readonly groupAgeMsMax: number;
  readonly groupBytesMax: number;
  /** Bytes appended and not yet durable; beyond it appends are refused as `full`. */
  readonly pendingBytesMax: number;
  readonly segmentBytesMax: number;
  readonly segmentRowsMax: number;
  /** A segment closes at this age while the reader has nothing waiting … */
  readonly segmentAgeMsMin: number;
  /** … at this age while it has one: larger blocks cost the store less … */
  readonly segmentAgeMsMax: number;
  /** … and at this one while more wait: slow inserts fall behind no further, a day's outage leaves few files. */
  readonly segmentAgeMsBacklog: number;
  readonly producersMax: number;
  readonly producerAgeMsMax: number;
  /** Event ids of acknowledged events that a restart is to find again. */
  readonly eventIdsMax: number;
  /** Bytes of all segments; at this many appends are refused until they are below `bytesResumeRatio` of it. */
  readonly bytesMax: number;
  readonly bytesResumeRatio: number;
  /** Used part of the disk at which appends are refused; they are accepted again below `diskResumeRatio` of it. */
  readonly diskUsedRatioMax: number;
  readonly diskResumeRatio: number;
  /** How long a reading of the disk's space is good; also the pace of looking for space while full. */
  readonly spaceCheckMs: number;
  /** Pace of retrying the truncation of a segment that was given up. */
  readonly repairRetryMs: number;
}

/** What the configuration does not say. */
const fixed = {
  bytesResumeRatio: 0.9,
  diskResumeRatio: 0.98,
  spaceCheckMs: 1_000,
  repairRetryMs: 1_000,
} as const satisfies Partial<SpoolOptions>;

export type SpoolOptionsGiven = Omit<SpoolOptions, keyof typeof fixed> & Partial<SpoolOptions>;

/** Fills in what is fixed and states how the limits must relate. */
export function spoolOptions(given: SpoolOptionsGiven): SpoolOptions {
  const options = { ...fixed, ...given };
  invariant(options.segmentAgeMsMin <= options.segmentAgeMsMax, 'segmentAgeMsMin is above segmentAgeMsMax');
  invariant(options.segmentAgeMsMax <= options.segmentAgeMsBacklog, 'segmentAgeMsMax is above segmentAgeMsBacklog');
  invariant(options.bytesResumeRatio < 1, 'bytesResumeRatio is not below 1');
  invariant(options.diskResumeRatio < 1, 'diskResumeRatio is not below 1');
  invariant(options.producersMax >= 1, 'producersMax is below 1');
  return Object.freeze(options);
}
