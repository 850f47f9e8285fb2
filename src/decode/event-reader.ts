import { epochMs, goZeroTimeMs } from '../core/epoch-time.js';
import type { EventErrorCode } from '../core/errors.js';
import { createByteSource, equalRanges, hashRange } from './byte-range.js';
import {
  contentKeyBytesMax,
  contentKeyNames,
  enumTables,
  fieldEntriesMax,
  fieldKinds,
  fieldMax,
  fieldMin,
  fieldNames,
  fieldSpecs,
  kindCodes,
  textCharactersMax,
  timeMaxMs,
} from './field-table.js';
import { hexWord } from './hex-word.js';
import { KeyOrder } from './key-order.js';
import { MsgpackReader, malformed, otherType } from './msgpack-reader.js';
import { isNaiveTime, parseRfc3339 } from './rfc3339.js';
import { entryKinds, type StagedEvent } from './staged-event.js';
import { isLongerThan, isUtf8Range } from './utf8-text.js';

/** Told of keys that the schema does not know. A length below 0: the key is not a text. */
export interface UnknownFields {
  unknownField(offset: number, length: number): void;
}

/** Why a time is refused that is only short of its offset. */
const noOffset = 'its offset from UTC is missing; end it with Z or an offset such as +02:00';

/** Of 64 bits. */
const hashDigits = 16;

/** An event is depth 1, so the values of its fields have one container open around them. */
const fieldDepth = 1;
const typeField = fieldSpecs.findIndex((field) => field.name === 'type');

/**
 * Reads one event from MessagePack into a StagedEvent, directed by the schema. Hot path: once an event.
 * Every method answers the position behind what it read, or `malformed`, which ends the frame. A bad value
 * sets the staged event's error; the rest of that event is then only skipped.
 */
export class EventReader extends MsgpackReader {
  readonly #staged: StagedEvent;
  readonly #unknown: UnknownFields;
  readonly #keys = new KeyOrder(fieldSpecs.map((field) => field.name));
  #contentAllowed = false;

  constructor(staged: StagedEvent, unknown: UnknownFields, nestingMax: number) {
    super(nestingMax);
    this.#staged = staged;
    this.#unknown = unknown;
  }

  allowContent(allowed: boolean): void {
    this.#contentAllowed = allowed;
  }

  /** Reads a map of field names to values. */
  eventMap(at: number): number {
    this.#staged.begin();
    this.clearMet();
    let position = this.map(at);
    if (position < 0) return position === malformed ? malformed : this.#refuse(at, 0, 'event_not_map', -1);
    const pairs = this.count;
    const keys = this.#keys;
    keys.begin();
    for (let pair = 0; pair < pairs; pair++) {
      const field = keys.expected(this.source, position, this.end);
      position = field >= 0 ? this.#field(field, position + keys.spans[field]!) : this.#pair(position);
      if (position < 0) return malformed;
      if (this.#staged.errorCode !== null) return this.#skipValues(position, 2 * (pairs - pair - 1));
    }
    return position;
  }

  /** A key that is not the one expected, and its value. */
  #pair(at: number): number {
    const position = this.text(at);
    if (position === malformed) return malformed;
    if (position === otherType) return this.#unknownPair(at, -1);
    const offset = this.textOffset;
    const field = fieldNames.find(this.source, offset, position - offset);
    if (field < 0) return this.#unknownPair(offset, position - offset);
    this.#keys.learn(field);
    return this.#field(field, position);
  }

  /** Reads a row whose values belong to `fields` in turn; a field of -1 is a column the schema does not know. */
  eventRow(at: number, fields: Int16Array, columns: number): number {
    this.#staged.begin();
    this.clearMet();
    let position = this.array(at);
    if (position === malformed) return malformed;
    if (position === otherType || this.count !== columns) {
      const values = position === otherType ? -1 : this.count;
      const next = this.#refuse(at, 0, 'row_ragged', -1);
      this.#staged.tellRagged(values, columns);
      return next;
    }
    for (let column = 0; column < columns; column++) {
      const field = fields[column]!;
      position = field >= 0 ? this.#field(field, position) : this.#unknownValue(position, column, -1);
      if (position < 0) return malformed;
      if (this.#staged.errorCode !== null) return this.#skipValues(position, columns - column - 1);
    }
    return position;
  }

  #field(field: number, at: number): number {
    if (at >= this.end) return malformed;
    if (this.bytes[at] === 0xc0) {
      this.#staged.clear(field);
      return at + 1;
    }
    switch (fieldKinds[field]) {
      case kindCodes.string:
        return this.#textField(field, at);
      case kindCodes.enum:
        return this.#enumField(field, at);
      case kindCodes.time:
        return this.#timeField(field, at);
      case kindCodes.integer:
      case kindCodes.number:
        return this.#numberField(field, at);
      case kindCodes.hash:
        return this.#hashField(field, at);
      case kindCodes.string_list:
        return this.#listField(field, at);
      default:
        return this.#mapField(field, at);
    }
  }

  #textField(field: number, at: number): number {
    const next = this.text(at);
    if (next < 0) return next === malformed ? malformed : this.#refuse(at, fieldDepth, 'field_type', field);
    const staged = this.#staged;
    const offset = this.textOffset;
    const length = next - offset;
    if (length === 0) {
      staged.clear(field);
      return next;
    }
    const fault = this.#textFault(field, offset, length);
    if (fault !== null) {
      staged.fail(fault, field);
      return next;
    }
    staged.offsets[field] = offset;
    staged.lengths[field] = length;
    staged.set(field);
    return next;
  }

  #textFault(field: number, offset: number, length: number): EventErrorCode | null {
    if (isLongerThan(this.bytes, offset, length, textCharactersMax[field]!)) return 'string_too_long';
    return isUtf8Range(this.source, offset, length) ? null : 'string_invalid';
  }

  #enumField(field: number, at: number): number {
    const next = this.text(at);
    if (next < 0) return next === malformed ? malformed : this.#refuse(at, fieldDepth, 'field_type', field);
    if (next === this.textOffset) {
      this.#staged.clear(field);
      return next;
    }
    const table = enumTables[field]!;
    const index = table.names.find(this.source, this.textOffset, next - this.textOffset);
    if (index < 0) {
      this.#staged.fail(field === typeField ? 'type_unknown' : 'value_unknown', field);
      return next;
    }
    this.#staged.numbers[field] = table.codes[index]!;
    this.#staged.set(field);
    return next;
  }

  #numberField(field: number, at: number): number {
    const next = this.numeric(at);
    if (next < 0) return next === malformed ? malformed : this.#refuse(at, fieldDepth, 'field_type', field);
    const value = this.number[0]!;
    if (value === 0 && fieldMin[field]! > 0) {
      this.#staged.clear(field);
      return next;
    }
    const whole = fieldKinds[field] === kindCodes.number || Math.floor(value) === value;
    // A NaN fails every comparison.
    if (!(value >= fieldMin[field]! && value <= fieldMax[field]! && whole)) {
      this.#staged.fail('field_range', field);
      return next;
    }
    // -0 is the 0 that JSON makes of it.
    this.#staged.numbers[field] = value + 0;
    this.#staged.set(field);
    return next;
  }

  #hashField(field: number, at: number): number {
    const next = this.text(at);
    if (next === otherType) return this.#numericHash(field, at);
    if (next === malformed) return malformed;
    const length = next - this.textOffset;
    if (length === 0) this.#staged.clear(field);
    else if (length !== hashDigits) this.#staged.fail('field_type', field);
    else this.#staged.setHash(field, hexWord(this.bytes, this.textOffset + 8), hexWord(this.bytes, this.textOffset));
    return next;
  }

  #numericHash(field: number, at: number): number {
    const next = this.numeric(at);
    if (next < 0) return next === malformed ? malformed : this.#refuse(at, fieldDepth, 'field_type', field);
    const value = this.number[0]!;
    if (Number.isSafeInteger(value) && value >= 0) {
      this.#staged.setHash(field, value >>> 0, Math.floor(value / 0x1_0000_0000));
    } else if (this.bytes[at] === 0xcf) {
      this.#staged.setHash(field, this.view.getUint32(at + 5), this.view.getUint32(at + 1));
    } else {
      this.#staged.fail('field_range', field);
    }
    return next;
  }

  #timeField(field: number, at: number): number {
    const next = this.numeric(at);
    if (next === otherType) return this.#writtenTime(field, at);
    if (next === malformed) return malformed;
    const value = this.number[0]!;
    if (value === 0) this.#staged.clear(field);
    else this.#keepTime(field, Number.isNaN(value) ? this.wideNanosecondsMs(at) : epochMs(value));
    return next;
  }

  /** A time as RFC 3339 text or as the timestamp extension. */
  #writtenTime(field: number, at: number): number {
    let next = this.text(at);
    if (next >= 0) return this.#textTime(field, next);
    if (next === otherType) next = this.timestamp(at);
    if (next === malformed) return malformed;
    if (next === otherType) return this.#refuse(at, fieldDepth, 'time_invalid', field);
    this.#keepTime(field, this.number[0]!);
    return next;
  }

  #textTime(field: number, next: number): number {
    const { bytes, textOffset } = this;
    const length = next - textOffset;
    const ms = parseRfc3339(bytes, textOffset, length);
    if (length === 0) this.#staged.clear(field);
    else if (Number.isNaN(ms) && isNaiveTime(bytes, textOffset, length))
      this.#staged.fail('time_invalid', field, 0, -2, noOffset);
    else this.#keepTime(field, ms);
    return next;
  }

  #keepTime(field: number, ms: number): void {
    if (ms >= 0 && ms <= timeMaxMs) {
      this.#staged.numbers[field] = ms;
      this.#staged.set(field);
    } else if (ms === goZeroTimeMs) {
      this.#staged.clear(field);
    } else {
      this.#staged.fail('time_invalid', field);
    }
  }

  #mapField(field: number, at: number): number {
    let position = this.map(at);
    if (position < 0) return position === malformed ? malformed : this.#refuse(at, fieldDepth, 'field_type', field);
    const pairs = this.count;
    if (pairs > fieldEntriesMax[field]!) return this.#refuse(at, fieldDepth, 'map_too_large', field);
    const staged = this.#staged;
    staged.entryCounts[field] = 0;
    for (let pair = 0; pair < pairs; pair++) {
      position = this.text(position);
      if (position === malformed) return malformed;
      if (position === otherType) return this.#refuse(at, fieldDepth, 'field_type', field);
      const offset = this.textOffset;
      const length = position - offset;
      const fault = this.#keyFault(field, offset, length);
      if (fault !== null) return this.#refuse(at, fieldDepth, fault, field, offset, length);
      position = this.#entry(field, this.#entryFor(field, offset, length), position);
      if (position < 0) return malformed;
      if (staged.errorCode !== null) return this.skip(at, fieldDepth);
    }
    if (staged.entryCounts[field]! > 0) staged.set(field);
    else staged.clear(field);
    return position;
  }

  #keyFault(field: number, offset: number, length: number): EventErrorCode | null {
    if (isLongerThan(this.bytes, offset, length, fieldSpecs[field]!.keyCharactersMax!)) return 'string_too_long';
    if (!isUtf8Range(this.source, offset, length)) return 'string_invalid';
    return !this.#contentAllowed && length <= contentKeyBytesMax && this.#isContentKey(offset, length)
      ? 'content_refused'
      : null;
  }

  /** Whether a key names content, in any case. Few keys begin like one, so few are compared. */
  #isContentKey(offset: number, length: number): boolean {
    const first = this.bytes[offset]! | 0x20;
    // c, m, p, r, s
    if (first !== 0x63 && first !== 0x6d && first !== 0x70 && first !== 0x72 && first !== 0x73) return false;
    const lower = lowerCaseScratch;
    for (let at = 0; at < length; at++) {
      const byte = this.bytes[offset + at]!;
      lower.bytes[at] = byte >= 0x41 && byte <= 0x5a ? byte | 0x20 : byte;
    }
    return contentKeyNames.find(lower, 0, length) >= 0;
  }

  /** The slot of a key: its earlier one when the map repeats it, since the later value wins. */
  #entryFor(field: number, offset: number, length: number): number {
    const staged = this.#staged;
    const base = staged.entryBase[field]!;
    const end = base + staged.entryCounts[field]!;
    const hash = hashRange(this.source, offset, length);
    for (let entry = base; entry < end; entry++) {
      if (staged.keyHashes[entry] !== hash || staged.keyLengths[entry] !== length) continue;
      if (equalRanges(this.source, staged.keyOffsets[entry]!, this.source, offset, length)) return entry;
    }
    staged.keyOffsets[end] = offset;
    staged.keyLengths[end] = length;
    staged.keyHashes[end] = hash;
    staged.entryCounts[field]!++;
    return end;
  }

  #entry(field: number, entry: number, at: number): number {
    if (at >= this.end) return malformed;
    const staged = this.#staged;
    const tag = this.bytes[at]!;
    if (tag === 0xc0) {
      staged.entryKind[entry] = entryKinds.absent;
      return at + 1;
    }
    const keyOffset = staged.keyOffsets[entry]!;
    const keyLength = staged.keyLengths[entry]!;
    let next = this.text(at);
    if (next >= 0) return this.#entryText(field, entry, next, keyOffset, keyLength);
    if (next === malformed) return malformed;
    const scalar = fieldKinds[field] === kindCodes.scalar_map;
    if (scalar && (tag === 0xc2 || tag === 0xc3)) {
      staged.entryKind[entry] = tag === 0xc3 ? entryKinds.true : entryKinds.false;
      return at + 1;
    }
    next = scalar ? this.numeric(at) : otherType;
    if (next === malformed) return malformed;
    if (next === otherType) return this.#refuse(at, fieldDepth + 1, 'field_type', field, keyOffset, keyLength);
    const value = this.number[0]!;
    if (!Number.isFinite(value)) staged.fail('field_range', field, keyOffset, keyLength);
    staged.entryKind[entry] = entryKinds.number;
    staged.entryNumbers[entry] = value + 0;
    return next;
  }

  #entryText(field: number, entry: number, next: number, keyOffset: number, keyLength: number): number {
    const staged = this.#staged;
    const offset = this.textOffset;
    const fault = this.#textFault(field, offset, next - offset);
    if (fault !== null) staged.fail(fault, field, keyOffset, keyLength);
    staged.entryKind[entry] = entryKinds.text;
    staged.entryOffsets[entry] = offset;
    staged.entryLengths[entry] = next - offset;
    return next;
  }

  #listField(field: number, at: number): number {
    let position = this.array(at);
    if (position < 0) return position === malformed ? malformed : this.#refuse(at, fieldDepth, 'field_type', field);
    const items = this.count;
    if (items > fieldEntriesMax[field]!) return this.#refuse(at, fieldDepth, 'map_too_large', field);
    const staged = this.#staged;
    const base = staged.entryBase[field]!;
    let kept = 0;
    for (let item = 0; item < items; item++) {
      if (this.isNil(position)) {
        position++;
        continue;
      }
      position = this.text(position);
      if (position === malformed) return malformed;
      if (position === otherType) return this.#refuse(at, fieldDepth, 'field_type', field, item, -1);
      position = this.#entryText(field, base + kept++, position, item, -1);
      if (staged.errorCode !== null) return this.skip(at, fieldDepth);
    }
    staged.entryCounts[field] = kept;
    if (kept > 0) staged.set(field);
    else staged.clear(field);
    return position;
  }

  /** Names what is wrong with the value at `at`, or, when that is the reason, that it is too deep or an extension. */
  #refuse(at: number, depth: number, code: EventErrorCode, field: number, keyOffset = 0, keyLength = -2): number {
    const next = this.skip(at, depth);
    if (next === malformed) return malformed;
    const cause = this.metTooDeep ? 'nesting_too_deep' : this.metExtension ? 'extension_type' : code;
    this.#staged.fail(cause, field, keyOffset, keyLength);
    return next;
  }

  /** A key the schema does not know, and its value; the key begins, or lies as a text, at `offset`. */
  #unknownPair(offset: number, length: number): number {
    const valueAt = length >= 0 ? offset + length : this.skip(offset, fieldDepth);
    if (valueAt === malformed) return malformed;
    const next = this.#unknownValue(valueAt, offset, length >= 0 ? length : -2);
    if (next >= 0 && this.#staged.errorCode === null) this.#unknown.unknownField(offset, length);
    return next;
  }

  /** An unknown value is ignored, but not one that breaks the limits of an event; its key is told as `fail` has it. */
  #unknownValue(at: number, keyOffset: number, keyLength: number): number {
    const next = this.skip(at, fieldDepth);
    if (this.metTooDeep) this.#staged.fail('nesting_too_deep', -1, keyOffset, keyLength);
    else if (this.metExtension) this.#staged.fail('extension_type', -1, keyOffset, keyLength);
    return next;
  }

  #skipValues(at: number, count: number): number {
    let position = at;
    for (let value = 0; value < count && position >= 0; value++) position = this.skip(position, fieldDepth);
    return position;
  }
}

const lowerCaseScratch = createByteSource(new ArrayBuffer(Math.max(16, contentKeyBytesMax)));
