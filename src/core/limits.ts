import { dayMs, hourMs } from './time-span.js';

/** The limits of DESIGN that cross stages, with their defaults; every one is configurable. */
export interface FrameLimits {
  /** Bytes of one frame as received, after inflation over HTTP. */
  readonly frameBytesMax: number;
  readonly eventsPerFrameMax: number;
  readonly nestingMax: number;
  /** Errors listed in one answer; the rest is counted only. */
  readonly errorsListedMax: number;
  /** Accepted clock skew around the time of receipt; a `ts` outside is clamped and counted. */
  readonly skewPastMs: number;
  readonly skewFutureMs: number;
}

export const defaultFrameLimits: FrameLimits = {
  frameBytesMax: 1_048_576,
  eventsPerFrameMax: 10_000,
  nestingMax: 8,
  errorsListedMax: 100,
  skewPastMs: 7 * dayMs,
  skewFutureMs: hourMs,
};

/** Width of the event-time slices in which workers digest; every live window is a multiple of it. */
export const windowSliceMs = 5_000;
