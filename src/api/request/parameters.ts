import { z } from 'zod';
import { type ProblemItem, quoted, RequestProblem } from '../../core/problem.js';

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
  .string('expected an id; it is missing')
  .min(1, 'expected an id, not an empty value')
  .refine((id) => isPossibleId(id), `expected at most ${idCharactersMax} characters`)
  .meta({ maxLength: idCharactersMax });

/** Whether any event can carry this id; a longer one is refused at ingest, so no store need be asked. */
export function isPossibleId(id: string): boolean {
  if (id.length <= idCharactersMax) return id !== '';
  return id.length <= 2 * idCharactersMax && [...id].length <= idCharactersMax;
}
