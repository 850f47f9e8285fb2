import type { DependencyHealth, SpoolStats } from '../core/ports.js';
import type { FullReason } from './space-quota.js';

export interface SpoolState {
  /** Why it writes nothing, when that is known. */
  readonly failure: string | null;
  readonly full: FullReason | null;
}

/** Segments that wait for being cut back, and how long the group that is being written has been at it. */
export interface SpoolWriting {
  readonly damaged: number;
  readonly commitMs: number;
}

/** A disk that takes this long for one group is taken to hang. */
const commitMsMax = 10_000;

/** Unhealthy: events are refused, or cannot be made durable. Degraded: some need an operator. */
export function spoolHealth(
  { segments, bytes, events, quarantinedSegments }: SpoolStats,
  writing: SpoolWriting,
  state: SpoolState,
): DependencyHealth {
  const unhealthy = obstacle(writing, state);
  const reason = unhealthy ?? (quarantinedSegments > 0 ? `${quarantinedSegments} segments are quarantined` : null);
  const status = unhealthy !== null ? 'unhealthy' : reason !== null ? 'degraded' : 'healthy';
  const { full } = state;
  return { name: 'spool', status, reason, details: { segments, bytes, events, quarantinedSegments, full } };
}

/** Why nothing becomes durable, or null. */
function obstacle({ damaged, commitMs }: SpoolWriting, { failure, full }: SpoolState): string | null {
  if (failure !== null) return failure;
  if (damaged > 0) return `${damaged} segments cannot be cut back`;
  if (full === 'quota') return 'the spool has reached its quota; appends are refused';
  if (full !== null) return 'the disk is almost full; appends are refused';
  if (commitMs < commitMsMax) return null;
  return `the disk has not finished a write for ${Math.floor(commitMs / 1_000)} s; nothing is acknowledged`;
}
