import { z } from 'zod';
import { epochMs, goZeroTimeMs } from './epoch-time.js';
import { type EventField, eventFields } from './event-schema.js';
import { contentKeys, type EventType, fieldsRequiredBy } from './event-types.js';
import { parseTime } from './time-text.js';

/**
 * The schema of an event as zod, derived from `eventFields`: for OpenAPI, and the independent judge of the
 * decoder, which reads bytes and never runs this. Both accept the same events; a property test holds them equal.
 */
export interface EventSchemaOptions {
  /** Keys that name prompts or responses are accepted. */
  readonly contentAllowed: boolean;
}

/** The end of 2299, the last a DateTime64 holds. */
const timeMaxMs = Date.UTC(2299, 11, 31, 23, 59, 59, 999);

export type EventInput = Readonly<Record<string, unknown>>;

export function createEventSchema(options: EventSchemaOptions): z.ZodType<EventInput> {
  const shape: Record<string, z.ZodType> = {};
  for (const field of eventFields as readonly EventField[]) {
    const value = fieldSchema(field, options).describe(field.meaning);
    shape[field.name] = field.required ? value : value.nullish();
  }
  return z.looseObject(shape).superRefine(refineEvent) as unknown as z.ZodType<EventInput>;
}

export const eventSchema = createEventSchema({ contentAllowed: false });

function fieldSchema(field: EventField, options: EventSchemaOptions): z.ZodType {
  switch (field.kind) {
    case 'string':
      return textSchema(field.truncate ? Number.POSITIVE_INFINITY : field.charactersMax!);
    case 'time':
      return z.union([
        z.number().refine((value) => value === 0 || isTime(epochMs(value))),
        z.string().refine((text) => text === '' || isTime(parseTime(text)) || parseTime(text) === goZeroTimeMs),
      ]);
    case 'number':
      return z.number().min(field.min!).max(field.max!);
    case 'integer':
      // Where 0 is out of the bounds, it means absent.
      return z.int().min(Math.min(field.min!, 0)).max(field.max!);
    case 'hash':
      return z.union([z.int().min(0), z.string().regex(/^([0-9a-fA-F]{16})?$/)]);
    case 'enum':
      return z.enum(enumNames(field));
    case 'scalar_map':
      return mapSchema(field, z.union([textSchema(field.charactersMax!), z.number(), z.boolean()]), options);
    case 'string_map':
      return mapSchema(field, textSchema(field.charactersMax!), options);
    case 'string_list':
      return z.array(textSchema(field.charactersMax!).nullable()).max(field.entriesMax!);
  }
}

/** '' means absent, where the field may be. */
function enumNames(field: EventField): string[] {
  const names = Object.keys(field.values!).filter((name) => name !== '');
  return field.required ? names : ['', ...names];
}

/** Text of at most so many code points, without half a surrogate pair. */
function textSchema(charactersMax: number): z.ZodType {
  const text = z.string().refine((value) => !/\p{Surrogate}/u.test(value), 'is not valid Unicode');
  if (!Number.isFinite(charactersMax)) return text;
  return text
    .refine((value) => Array.from(value).length <= charactersMax, `has more than ${charactersMax} characters`)
    .meta({ maxLength: charactersMax });
}

function mapSchema(field: EventField, value: z.ZodType, options: EventSchemaOptions): z.ZodType {
  const isAllowed = (key: string) => options.contentAllowed || !contentKeys.includes(asciiLowerCase(key));
  return z
    .record(textSchema(field.keyCharactersMax!) as z.ZodString, value.nullable())
    .refine((map) => Object.keys(map).length <= field.entriesMax!, `has more than ${field.entriesMax} keys`)
    .refine((map) => Object.keys(map).every(isAllowed), 'has a key that names content')
    .meta({ maxProperties: field.entriesMax });
}

function asciiLowerCase(text: string): string {
  return text.replace(/[A-Z]/g, (letter) => letter.toLowerCase());
}

function isTime(ms: number): boolean {
  return ms >= 0 && ms <= timeMaxMs;
}

/** Milliseconds of a time as a payload gives it; null where it means that there is none. */
function timeOf(value: unknown): number | null {
  if (value == null || value === 0 || value === '') return null;
  const ms = typeof value === 'number' ? epochMs(value) : parseTime(String(value));
  return ms === goZeroTimeMs ? null : ms;
}

/** The rules over several fields. */
function refineEvent(event: EventInput, context: z.RefinementCtx): void {
  const refuse = (path: string, message: string) => context.addIssue({ code: 'custom', path: [path], message });
  for (const name of ['agent_id', ...fieldsRequiredBy(event.type as EventType)]) {
    if (event[name] == null || event[name] === '') refuse(name, 'is required');
  }
  const startedMs = timeOf(event.started_at);
  const endedMs = timeOf(event.ended_at);
  if (startedMs === null || endedMs === null) return;
  const elapsedMs = endedMs - startedMs;
  if (elapsedMs < 0) refuse('ended_at', 'is before started_at');
  const { max } = (eventFields as readonly EventField[]).find((field) => field.name === 'duration_ms')!;
  if (event.duration_ms == null && elapsedMs > max!) refuse('duration_ms', 'is too long');
}
