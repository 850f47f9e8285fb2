import type { WindowName } from './live-windows.js';

/** Requests of one route template over a rolling window. Durations in ms, null when there were none. */
export interface EndpointSnapshot {
  readonly method: string;
  /** The template, never a path. */
  readonly route: string;
  readonly requests: number;
  readonly clientErrors: number;
  readonly serverErrors: number;
  readonly p50Ms: number | null;
  readonly p90Ms: number | null;
  readonly p99Ms: number | null;
}

export interface EndpointWindows {
  /** Every endpoint asked within the window. */
  snapshot(window: WindowName): readonly EndpointSnapshot[];
}
