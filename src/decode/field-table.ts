import { type EventField, eventFields, type FieldKind, type FieldName } from '../core/event-schema.js';
import { contentKeys, type EventType, eventTypes, fieldsRequiredBy } from '../core/event-types.js';
import { invariant } from '../core/invariant.js';
import { NameTable } from './name-table.js';

/**
 * The event schema as flat arrays, indexed by the position of a field in `eventFields`: what the reader
 * and the block look up for every value.
 */
export const fieldSpecs: readonly EventField[] = eventFields;
export const fieldCount = fieldSpecs.length;

/** Kinds as small numbers, so that a switch over them is a jump. Both map kinds are read alike. */
export const kindCodes = {
  string: 0,
  enum: 1,
  time: 2,
  integer: 3,
  number: 4,
  hash: 5,
  scalar_map: 6,
  string_map: 7,
  string_list: 8,
} as const satisfies Record<FieldKind, number>;

/**
 * The tables are plain arrays: once a thread has transferred a buffer, V8 checks at every access to a typed array
 * whether its buffer is still there, which costs this decoder 15 %; plain arrays are spared.
 */
export const fieldKinds: readonly number[] = fieldSpecs.map((field) => kindCodes[field.kind]);
/** A bound no text of a frame reaches, and still a small integer. */
const unlimited = 0x7fff_ffff;

/** Code points; texts that are cut instead of refused have no limit here. */
export const textCharactersMax: readonly number[] = fieldSpecs.map((field) =>
  field.truncate ? unlimited : (field.charactersMax ?? unlimited),
);
export const fieldMin: readonly number[] = fieldSpecs.map((field) => field.min ?? Number.NEGATIVE_INFINITY);
export const fieldMax: readonly number[] = fieldSpecs.map((field) => field.max ?? Number.POSITIVE_INFINITY);
export const fieldEntriesMax: readonly number[] = fieldSpecs.map((field) => field.entriesMax ?? 0);

export function fieldIndex(name: FieldName): number {
  const index = fieldSpecs.findIndex((field) => field.name === name);
  invariant(index >= 0, `field ${name} is in the schema`);
  return index;
}

export const fieldNames = new NameTable(fieldSpecs.map((field) => field.name));
export const contentKeyNames = new NameTable(contentKeys);
export const contentKeyBytesMax = Math.max(...contentKeys.map((key) => key.length));

/** The values of an enum field, found by their bytes; `codes` are the Enum8 numbers. The name '' cannot be sent. */
export interface EnumTable {
  readonly names: NameTable;
  readonly codes: readonly number[];
}

export const enumTables: readonly (EnumTable | null)[] = fieldSpecs.map((field) => {
  if (field.values === undefined) return null;
  const names = Object.keys(field.values).filter((name) => name !== '');
  return { names: new NameTable(names), codes: names.map((name) => field.values?.[name] ?? 0) };
});

/** Fields are told present by a bit in one of two words. */
invariant(fieldCount > 32 && fieldCount <= 64, 'the schema has 33 to 64 fields');

/** Required fields of each Enum8 number of `type`, as presence words. Every type needs `type` and `agent_id`. */
export const requiredMasks: readonly number[] = (() => {
  const masks: number[] = Array.from({ length: 2 * 128 }, () => 0);
  const always = fieldSpecs.filter((field) => field.required).map((field) => field.name);
  for (const [type, code] of Object.entries(eventTypes)) {
    for (const name of [...always, ...fieldsRequiredBy(type as EventType)]) {
      const index = fieldIndex(name as FieldName);
      masks[2 * code + (index >> 5)]! |= 1 << (index & 31);
    }
  }
  return masks;
})();

/** Bounds of a DateTime64(3) that are also sane: the epoch to the end of 2299. */
export const timeMaxMs = Date.UTC(2299, 11, 31, 23, 59, 59, 999);

const timeDescription =
  'seconds, milliseconds, microseconds or nanoseconds since the epoch, of the years 1973 to 2286, ' +
  'or RFC 3339 text with an offset, such as 2026-01-31T12:00:00Z';

/** What a field takes, for a message: never says what was sent. */
export function describeField(field: EventField): string {
  switch (field.kind) {
    case 'string':
      return field.truncate ? 'text' : `text of at most ${field.charactersMax} characters`;
    case 'time':
      return timeDescription;
    case 'number':
      return `a number from ${field.min} to ${field.max}`;
    case 'integer':
      return `an integer from ${field.min} to ${field.max}`;
    case 'hash':
      return 'a text of 16 hex digits or an integer from 0 to 2^64 - 1, in JSON below 2^53';
    case 'enum':
      return `one of ${Object.keys(field.values ?? {})
        .filter((name) => name !== '')
        .join(', ')}`;
    case 'scalar_map':
      return `${describeMap(field)}, booleans or finite numbers, 64-bit integers below 2^53`;
    case 'string_map':
      return describeMap(field);
    case 'string_list':
      return `a list of at most ${field.entriesMax} texts of ${field.charactersMax} characters`;
  }
}

function describeMap({ entriesMax, keyCharactersMax, charactersMax }: EventField): string {
  return `a flat map of at most ${entriesMax} keys of ${keyCharactersMax} characters to texts of ${charactersMax}`;
}
