const depthMax = 16;

/**
 * JSON with sorted keys and without spaces, so that equal arguments are equal text in every language. Of what JSON does
 * not know: dates are their RFC 3339 text, big integers their digits, everything else null. Deeper than 16 levels, and
 * what refers to itself, is null.
 */
export function canonicalJson(value: unknown, depth = 0): string {
  if (typeof value === 'bigint') return value.toString();
  if (value instanceof Date) return JSON.stringify(Number.isNaN(value.getTime()) ? null : value.toISOString());
  if (typeof value !== 'object' || value === null) return JSON.stringify(value) ?? 'null';
  if (depth === depthMax) return 'null';
  if (Array.isArray(value)) return `[${value.map((entry) => canonicalJson(entry, depth + 1)).join(',')}]`;
  const entries = Object.entries(value).filter(([, entry]) => entry !== undefined);
  const sorted = entries.sort(([a], [b]) => (a < b ? -1 : 1));
  return `{${sorted.map(([key, entry]) => `${JSON.stringify(key)}:${canonicalJson(entry, depth + 1)}`).join(',')}}`;
}
