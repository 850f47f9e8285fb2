/** Limits of the event schema for what people hand over; what exceeds them is cut or left out, and counted. */
const textCharactersMax = 256;
const keysMax = 16;
const keyCharactersMax = 64;
const contentKeys = /^(prompts?|system_prompt|messages|completions?|response|responses|content)$/i;

export type Scalar = string | number | boolean;

/** What the schema takes of a map, with the number of entries that were cut or left out. */
export interface Mended<Value> {
  readonly value: Value;
  readonly mended: number;
}

export function mendText(value: unknown): string | undefined {
  if (value === undefined || value === null) return undefined;
  const text = typeof value === 'string' ? value : String(value);
  return text.length > textCharactersMax ? text.slice(0, textCharactersMax) : text;
}

/** A flat map of scalars. Objects and lists have no place in it, and content has none by its name. */
export function mendScalars(map: object): Mended<Record<string, Scalar>> {
  const value: Record<string, Scalar> = {};
  let kept = 0;
  let mended = 0;
  for (const [key, entry] of Object.entries(map)) {
    if (entry === undefined || entry === null) continue;
    const isScalar = typeof entry === 'string' || typeof entry === 'boolean' || Number.isFinite(entry);
    if (!isScalar || kept === keysMax || key === '' || key.length > keyCharactersMax || contentKeys.test(key)) {
      mended += 1;
      continue;
    }
    kept += 1;
    const isLong = typeof entry === 'string' && entry.length > textCharactersMax;
    value[key] = isLong ? entry.slice(0, textCharactersMax) : (entry as Scalar);
    if (isLong) mended += 1;
  }
  return { value, mended };
}

/** The same, with texts for values. */
export function mendLabels(map: object): Mended<Record<string, string>> {
  const { value, mended } = mendScalars(map);
  return { value: Object.fromEntries(Object.entries(value).map(([key, entry]) => [key, String(entry)])), mended };
}

/** Not negative and whole; undefined for what is no number. */
export function mendCount(value: unknown): number | undefined {
  return typeof value === 'number' && Number.isFinite(value) && value >= 0 ? Math.round(value) : undefined;
}

export function mendShare(value: unknown): number | undefined {
  return typeof value === 'number' && value >= 0 && value <= 1 ? value : undefined;
}
