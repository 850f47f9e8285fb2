import { z } from 'zod';
import { type ProblemItem, quoted, RequestProblem } from '../core/problem.js';

/** Problems listed in one answer. */
const problemsMax = 20;

/** Code points of an id, as in the event schema. */
export const idCharactersMax = 256;

/**
 * The query parameters of a request, checked against a flat schema. Throws `RequestProblem` `parameter_invalid`
 * that lists every problem at once: names the endpoint does not know, names given twice, bad values.
 */
export function parseParameters<Shape extends z.ZodRawShape>(
  schema: z.ZodObject<Shape>,
  query: URLSearchParams,
): z.output<z.ZodObject<Shape>> {
  const known = Object.keys(schema.shape);
  const names = [...new Set(query.keys())];
  const items: ProblemItem[] = [];
  const values: Record<string, string> = {};
  for (const name of names) {
    if (items.length === problemsMax) break;
    if (!known.includes(name)) {
      const allowed = known.length === 0 ? 'this endpoint has no parameters' : `known are ${known.join(', ')}`;
      const message = `unknown parameter ${quoted(name)}: ${allowed}`;
      items.push({ path: name.slice(0, idCharactersMax), code: 'parameter_unknown', message });
    } else if (query.getAll(name).length > 1) {
      items.push({ path: name, code: 'parameter_repeated', message: `${name} is given more than once` });
    } else {
      values[name] = query.get(name) ?? '';
    }
  }
  const parsed = schema.safeParse(values);
  if (!parsed.success) {
    for (const issue of parsed.error.issues) {
      const path = issue.path.join('.');
      if (items.some((item) => item.path === path)) continue;
      items.push({ path, code: 'parameter_invalid', message: issue.message });
    }
  }
  if (parsed.success && items.length === 0) return parsed.data;
  const listed = items.slice(0, problemsMax);
  const summary = listed.map((item) => `${quoted(item.path)}: ${item.message}`).join('; ');
  throw new RequestProblem('parameter_invalid', `cannot use the query parameters: ${summary}`, listed);
}

/** A whole number in decimal digits. */
export function integerParameter(range: { readonly min: number; readonly max: number; readonly fallback: number }) {
  const expected = `expected an integer from ${range.min} to ${range.max}`;
  return z
    .string()
    .regex(/^\d{1,15}$/, expected)
    .transform(Number)
    .refine((value) => value >= range.min && value <= range.max, expected)
    .meta({ type: 'integer', minimum: range.min, maximum: range.max })
    .default(range.fallback);
}

/** One of a few words; the message names them. */
export function wordParameter<const Words extends readonly [string, ...string[]]>(words: Words) {
  return z.enum(words, { error: `expected one of ${words.join(', ')}` });
}

export const idParameter = z
  .string()
  .min(1, 'expected an id, not an empty value')
  .refine((id) => isPossibleId(id), `expected at most ${idCharactersMax} characters`)
  .meta({ maxLength: idCharactersMax });

/** Whether any event can carry this id; a longer one is refused at ingest, so no store need be asked. */
export function isPossibleId(id: string): boolean {
  if (id.length <= idCharactersMax) return id !== '';
  return id.length <= 2 * idCharactersMax && [...id].length <= idCharactersMax;
}

export interface DateBound {
  /** Start of the day, or the instant, ms since the epoch. */
  readonly fromMs: number;
  /** End of the day, or the millisecond after the instant. */
  readonly untilMs: number;
}

/** A UTC date (`2026-01-31`, the whole day) or RFC 3339 time (an instant), from 1970 to 2199. */
export const dateParameter = z
  .string()
  .transform((text, context): DateBound => {
    const bound = parseDateBound(text);
    if (bound !== null) return bound;
    context.addIssue('expected a date such as 2026-01-31 or an RFC 3339 time such as 2026-01-31T10:00:00Z');
    return z.NEVER;
  })
  .meta({ anyOf: [{ format: 'date' }, { format: 'date-time' }] });

const datePattern = /^(\d{4})-(\d{2})-(\d{2})$/;
const timePattern = /^(\d{4}-\d{2}-\d{2})[Tt]\d{2}:\d{2}:\d{2}(\.\d{1,9})?([Zz]|[+-]\d{2}:\d{2})$/;
const dayMs = 86_400_000;
const latestMs = Date.UTC(2200, 0, 1);

function parseDateBound(text: string): DateBound | null {
  // A plus sign that was not percent-encoded arrives as a space.
  const given = text.replace(/ (?=\d{2}:\d{2}$)/, '+');
  const date = datePattern.test(given) ? given : timePattern.exec(given)?.[1];
  if (date === undefined || !isCalendarDay(date)) return null;
  const fromMs = Math.floor(Date.parse(given.toUpperCase()));
  if (!Number.isFinite(fromMs) || fromMs < 0 || fromMs >= latestMs) return null;
  return { fromMs, untilMs: fromMs + (date === given ? dayMs : 1) };
}

/** Rejects the 30th of February, which `Date.parse` takes for the 2nd of March. */
function isCalendarDay(date: string): boolean {
  const timeMs = Date.parse(`${date}T00:00:00Z`);
  return Number.isFinite(timeMs) && new Date(timeMs).toISOString().startsWith(date);
}
