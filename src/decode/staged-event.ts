import type { EventErrorCode } from '../core/errors.js';
import { fieldCount, fieldEntriesMax, fieldKinds, kindCodes } from './field-table.js';

/** How an entry of a map or list was sent. `absent`: null, or overridden by a later null. */
export const entryKinds = { text: 0, number: 1, true: 2, false: 3, absent: 4 } as const;

/**
 * One event between the wire and the columns: where each value lies in the source, or its number.
 * Nothing here owns bytes; the slots are overwritten by the next event. Fields are indices of the field table.
 */
export class StagedEvent {
  /** A bit a field: fields 0 to 31, and those above. An empty text counts as absent, its column's default. */
  presentLow = 0;
  presentHigh = 0;
  readonly offsets = integers(fieldCount);
  readonly lengths = integers(fieldCount);
  /** Numbers, times in ms, Enum8 numbers. */
  readonly numbers = doubles(fieldCount);
  /** The two words of the one field of kind `hash`; its slot of `numbers` is not used. */
  hashLow = 0.5;
  hashHigh = 0.5;

  /** Entries of maps and lists: those of a field start at `entryBase[field]`. */
  readonly entryBase = integers(fieldCount);
  readonly entryCounts = integers(fieldCount);
  readonly keyOffsets: number[];
  readonly keyLengths: number[];
  readonly keyHashes: number[];
  readonly entryKind: number[];
  readonly entryOffsets: number[];
  readonly entryLengths: number[];
  readonly entryNumbers: number[];

  /** The first thing wrong with the event, null while nothing is. */
  errorCode: EventErrorCode | null = null;
  errorField = -1;
  /** Key of a map in the source, or index of a list with length -1. Length -2: neither. */
  errorKeyOffset = 0;
  errorKeyLength = -2;
  /** What is wrong, where the meaning of the code says less. */
  errorCause: string | null = null;

  constructor() {
    let entries = 0;
    for (let field = 0; field < fieldCount; field++) {
      this.entryBase[field] = entries;
      if (fieldKinds[field]! >= kindCodes.scalar_map) entries += fieldEntriesMax[field]!;
    }
    this.keyOffsets = integers(entries);
    this.keyLengths = integers(entries);
    this.keyHashes = integers(entries);
    this.entryKind = integers(entries);
    this.entryOffsets = integers(entries);
    this.entryLengths = integers(entries);
    this.entryNumbers = doubles(entries);
  }

  begin(): void {
    this.presentLow = 0;
    this.presentHigh = 0;
    this.errorCode = null;
  }

  set(field: number): void {
    if (field < 32) this.presentLow |= 1 << field;
    else this.presentHigh |= 1 << field;
  }

  clear(field: number): void {
    if (field < 32) this.presentLow &= ~(1 << field);
    else this.presentHigh &= ~(1 << field);
  }

  has(field: number): boolean {
    return (((field < 32 ? this.presentLow : this.presentHigh) >>> field) & 1) === 1;
  }

  /** A hash by its words; NaN: a digit of it was none. 0 is absent. */
  setHash(field: number, low: number, high: number): void {
    if (Number.isNaN(low + high)) {
      this.fail('field_type', field);
    } else if (low === 0 && high === 0) {
      this.clear(field);
    } else {
      this.hashLow = low;
      this.hashHigh = high;
      this.set(field);
    }
  }

  /** Says of a row with as many `values` why it is ragged; -1: it is no list. */
  tellRagged(values: number, columns: number): void {
    if (this.errorCode !== 'row_ragged') return;
    this.errorCause = values < 0 ? 'a row is not a list' : `a row has ${values} values, the frame ${columns} columns`;
  }

  /**
   * Keeps the first error; `field` -1 is the event itself, or a name it does not know. A key lies at its offset;
   * a length of -1: the offset is an index, -2: there is none.
   */
  fail(code: EventErrorCode, field: number, keyOffset = 0, keyLength = -2, cause: string | null = null): void {
    if (this.errorCode !== null) return;
    this.errorCode = code;
    this.errorField = field;
    this.errorKeyOffset = keyOffset;
    this.errorKeyLength = keyLength;
    this.errorCause = cause;
  }
}

/** An array that V8 keeps as small integers. Plain arrays are spared the check that the field table tells of. */
function integers(length: number): number[] {
  return Array.from({ length }, () => 0);
}

/** An array that V8 keeps as unboxed doubles: one that has held a fraction. */
function doubles(length: number): number[] {
  return Array.from({ length }, () => 0.5);
}
