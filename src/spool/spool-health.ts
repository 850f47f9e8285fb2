import type { DependencyHealth, SpoolStats } from '../core/ports.js';
import type { FullReason } from './space-quota.js';

/** Unhealthy: events cannot be made durable. Degraded: they are refused, or some need an operator. */
export function spoolHealth(
  { segments, bytes, events, quarantinedSegments }: SpoolStats,
  state: { readonly lastFailure: string | null; readonly damaged: number; readonly full: FullReason | null },
): DependencyHealth {
  const { lastFailure, damaged, full } = state;
  const unhealthy = lastFailure ?? (damaged > 0 ? `${damaged} segments cannot be cut back` : null);
  const reason = unhealthy ?? degradation(full, quarantinedSegments);
  const status = unhealthy !== null ? 'unhealthy' : reason !== null ? 'degraded' : 'healthy';
  return { name: 'spool', status, reason, details: { segments, bytes, events, quarantinedSegments, full } };
}

function degradation(full: FullReason | null, quarantinedSegments: number): string | null {
  if (full === 'quota') return 'the spool has reached its quota; appends are refused';
  if (full !== null) return 'the disk is almost full; appends are refused';
  return quarantinedSegments > 0 ? `${quarantinedSegments} segments are quarantined` : null;
}
