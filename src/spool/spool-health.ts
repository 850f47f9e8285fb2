import type { DependencyHealth } from '../core/ports/health-probe.js';
import type { SpoolStats } from '../core/ports/spool-reader.js';
import type { FullReason } from './space-quota.js';

export interface SpoolState {
  /** Why it takes nothing at all. */
  readonly stopped: string | null;
  /** The last write, when it failed. */
  readonly failed: { readonly what: string; readonly agoMs: number } | null;
  readonly full: FullReason | null;
}

/** Segments that wait for being cut back, and how long the group that is being written has been at it. */
export interface SpoolWriting {
  readonly damaged: number;
  readonly commitMs: number;
}

/** A disk that takes this long for one group is taken to hang. */
const commitMsMax = 10_000;

/**
 * A failed write says that the next will fail for so long only: who takes a collector that is unhealthy out of service
 * sends it nothing that could show otherwise.
 */
const failureMsMax = 30_000;

/** Unhealthy: events are refused, or cannot be made durable. Degraded: some need an operator. */
export function spoolHealth(
  { segments, bytes, events, quarantinedSegments }: SpoolStats,
  writing: SpoolWriting,
  state: SpoolState,
): DependencyHealth {
  const unhealthy = obstacle(writing, state);
  const quarantined = quarantinedSegments > 0 ? `${quarantinedSegments} segments are quarantined` : null;
  const reason = unhealthy ?? state.failed?.what ?? quarantined;
  const status = unhealthy !== null ? 'unhealthy' : reason !== null ? 'degraded' : 'healthy';
  const { full } = state;
  return { name: 'spool', status, reason, details: { segments, bytes, events, quarantinedSegments, full } };
}

/** Why nothing becomes durable, or null. */
function obstacle({ damaged, commitMs }: SpoolWriting, { stopped, failed, full }: SpoolState): string | null {
  if (stopped !== null) return stopped;
  if (failed !== null && failed.agoMs < failureMsMax) return failed.what;
  if (damaged > 0) return `${damaged} segments cannot be cut back`;
  if (full === 'quota') return 'the spool has reached its quota; appends are refused';
  if (full === 'no_space') return 'the disk has no space, bytes or files (df, df -i); appends are refused';
  if (full !== null) return 'the disk is almost full; appends are refused';
  if (commitMs < commitMsMax) return null;
  return `the disk has not finished a write for ${Math.floor(commitMs / 1_000)} s; nothing is acknowledged`;
}
