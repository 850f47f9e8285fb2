import { formatDuration } from '../../format/durations.js';
import { formatBytes, formatExact, formatPercent, unknown } from '../../format/numbers.js';

/** A detail of a dependency, by what its name says that it is. */
export function detailValue(name: string, value: string | number | boolean | null): string {
  if (value === null || value === '') return unknown;
  if (typeof value === 'boolean') return value ? 'yes' : 'no';
  if (typeof value === 'string') return value;
  if (name.endsWith('_ms')) return formatDuration(value);
  if (name === 'bytes' || name.endsWith('_bytes')) return formatBytes(value);
  if (name.endsWith('_ratio')) return formatPercent(100 * value);
  return name === 'pid' ? String(value) : formatExact(value);
}
