import type { EventField } from '../core/event-schema.js';
import type { LiveEvents } from '../core/live-batch.js';
import { instant } from '../core/time-text.js';
import type { DictionaryColumn } from './columns/dictionary-column.js';
import type { ListColumn } from './columns/list-column.js';
import type { MapColumn } from './columns/map-column.js';
import { EnumColumn, Float64Column, Uint16Column } from './columns/number-columns.js';
import { TextColumn } from './columns/text-column.js';
import { Word64Column } from './columns/word64-column.js';
import type { EventBlock } from './event-block.js';
import { fieldSpecs } from './field-table.js';
import { JsonWriter, utf8 } from './json-writer.js';

/** Writes the field of a row with its name, or nothing when the row has none. */
type FieldWriter = (row: number) => void;

/**
 * Events as JSON, read back from the columns of a batch: what was accepted and is stored, secrets masked. Names as in
 * the event schema, times as RFC 3339 in UTC; fields that are absent (and 0 where the store says so) are left out.
 * `received` is the time of receipt. One instance a thread: its buffer is reused.
 */
export class EventJson {
  readonly #out = new JsonWriter();

  /** `rows` ascend. */
  write(block: EventBlock, rows: readonly number[], receivedMs: number): Pick<LiveEvents, 'json' | 'ends'> {
    const out = this.#out;
    out.clear();
    const writers = fieldSpecs.map((field, index) => createFieldWriter(out, block, field, index));
    const head = utf8(`{"received":"${instant(receivedMs)}"`);
    const ends = new Uint32Array(rows.length);
    rows.forEach((row, event) => {
      if (event > 0) out.byte(comma);
      out.raw(head);
      for (const write of writers) write(row);
      out.byte(closingBrace);
      ends[event] = out.length;
    });
    return { json: out.copy(), ends };
  }
}

const comma = 0x2c;
const closingBrace = 0x7d;
const closingBracket = 0x5d;

function createFieldWriter(out: JsonWriter, block: EventBlock, field: EventField, index: number): FieldWriter {
  const column = block.column(index);
  const name = utf8(`,"${field.name}":`);
  if (column instanceof TextColumn) return textWriter(out, column, name);
  if (column instanceof EnumColumn) return enumWriter(out, column, field);
  if (column instanceof Word64Column) {
    if (field.kind === 'time') return timeWriter(out, column, name);
    if (field.kind === 'hash') return hashWriter(out, column, name);
    return field.column.startsWith('Nullable') ? optionalWriter(out, column, name) : integerWriter(out, column, name);
  }
  if (column instanceof Float64Column) {
    return (row) => column.nulls[row] === 0 && out.number(name, column.values[row]!);
  }
  if (column instanceof Uint16Column) return (row) => column.values[row] !== 0 && out.number(name, column.values[row]!);
  if (field.kind === 'string_list') return listWriter(out, column as ListColumn, name);
  if (field.kind === 'string') return nameWriter(out, column as DictionaryColumn, name);
  return mapWriter(out, column as MapColumn, name);
}

function textWriter(out: JsonWriter, column: TextColumn, name: Uint8Array): FieldWriter {
  const cursor = column.cursor();
  return (row) => {
    cursor.seek(row);
    if (cursor.length === 0) return;
    out.raw(name);
    out.text(cursor);
  };
}

/** Each text of a dictionary is written as JSON once a batch. */
function nameWriter(out: JsonWriter, column: DictionaryColumn, name: Uint8Array): FieldWriter {
  const written: (Uint8Array | undefined)[] = [];
  return (row) => {
    const key = column.keyAt(row);
    if (key === 0) return;
    written[key] ??= utf8(JSON.stringify(column.keyText(key)));
    out.raw(name);
    out.raw(written[key]);
  };
}

/** The value of number 0 is the absent one, or the default. */
function enumWriter(out: JsonWriter, column: EnumColumn, field: EventField): FieldWriter {
  const written: (Uint8Array | undefined)[] = [];
  for (const [value, number] of Object.entries(field.values ?? {})) {
    if (number !== 0) written[number] = utf8(`,"${field.name}":"${value}"`);
  }
  return (row) => {
    const pair = written[column.values[row]!];
    if (pair !== undefined) out.raw(pair);
  };
}

function timeWriter(out: JsonWriter, column: Word64Column, name: Uint8Array): FieldWriter {
  return (row) => {
    const ms = column.valueAt(row);
    if (ms === 0) return;
    out.raw(name);
    out.ascii(`"${instant(ms)}"`);
  };
}

function integerWriter(out: JsonWriter, column: Word64Column, name: Uint8Array): FieldWriter {
  return (row) => {
    const value = column.valueAt(row);
    if (value !== 0) out.number(name, value);
  };
}

function hashWriter(out: JsonWriter, column: Word64Column, name: Uint8Array): FieldWriter {
  return (row) => {
    const digits = column.hexAt(row);
    if (digits === '') return;
    out.raw(name);
    out.ascii(`"${digits}"`);
  };
}

/** 0 is a value, and NULL none. */
function optionalWriter(out: JsonWriter, column: Word64Column, name: Uint8Array): FieldWriter {
  return (row) => {
    if (!column.isNull(row)) out.number(name, column.valueAt(row));
  };
}

function listWriter(out: JsonWriter, column: ListColumn, name: Uint8Array): FieldWriter {
  const { offsets, values } = column.reader();
  return (row) => {
    const start = offsets.startOf(row);
    const end = offsets.endOf(row);
    if (start === end) return;
    out.raw(name);
    for (let entry = start; entry < end; entry++) {
      out.ascii(entry === start ? '[' : ',');
      values.seek(entry);
      out.text(values);
    }
    out.byte(closingBracket);
  };
}

/** Scalars are stored as text, and so they are written. */
function mapWriter(out: JsonWriter, column: MapColumn, name: Uint8Array): FieldWriter {
  const { offsets, keys, values } = column.reader();
  const written: (Uint8Array | undefined)[] = [];
  return (row) => {
    const start = offsets.startOf(row);
    const end = offsets.endOf(row);
    if (start === end) return;
    out.raw(name);
    for (let entry = start; entry < end; entry++) {
      out.ascii(entry === start ? '{' : ',');
      const key = keys.keyAt(entry);
      written[key] ??= utf8(`${JSON.stringify(keys.keyText(key))}:`);
      out.raw(written[key]);
      values.seek(entry);
      out.text(values);
    }
    out.byte(closingBrace);
  };
}
