/** Limits of a frame, which cross stages; the configuration has their defaults. */
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

/** Width of the event-time slices in which workers digest; every live window is a multiple of it. */
export const windowSliceMs = 5_000;
