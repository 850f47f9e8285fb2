import type { EventErrorCode } from '../core/errors.js';
import { fieldCount, fieldEntriesMax, fieldKinds, kindCodes } from './field-table.js';

/** How an entry of a map or list was sent. `absent`: null, or overridden by a later null. */
export const entryKinds = { text: 0, number: 1, true: 2, false: 3, absent: 4 } as const;

/**
 * One event between the wire and the columns: where each value lies in the source, or its number.
 * Nothing here owns bytes; the slots are overwritten by the next event. Fields are indices of the field table.
 */
export class StagedEvent {
  /** A bit a field. An empty text counts as absent: its column's default is the same. */
  readonly present = new Int32Array(2);
  readonly offsets = new Int32Array(fieldCount);
  readonly lengths = new Int32Array(fieldCount);
  /** Numbers, times in ms, Enum8 numbers. */
  readonly numbers = new Float64Array(fieldCount);

  /** Entries of maps and lists: those of a field start at `entryBase[field]`. */
  readonly entryBase = new Int32Array(fieldCount);
  readonly entryCounts = new Int32Array(fieldCount);
  readonly keyOffsets: Int32Array;
  readonly keyLengths: Int32Array;
  readonly keyHashes: Int32Array;
  readonly entryKind: Uint8Array;
  readonly entryOffsets: Int32Array;
  readonly entryLengths: Int32Array;
  readonly entryNumbers: Float64Array;

  /** The first thing wrong with the event, null while nothing is. */
  errorCode: EventErrorCode | null = null;
  errorField = -1;
  /** Key of a map in the source, or index of a list with length -1. Length -2: neither. */
  errorKeyOffset = 0;
  errorKeyLength = -2;

  constructor() {
    let entries = 0;
    for (let field = 0; field < fieldCount; field++) {
      this.entryBase[field] = entries;
      if (fieldKinds[field]! >= kindCodes.scalar_map) entries += fieldEntriesMax[field]!;
    }
    this.keyOffsets = new Int32Array(entries);
    this.keyLengths = new Int32Array(entries);
    this.keyHashes = new Int32Array(entries);
    this.entryKind = new Uint8Array(entries);
    this.entryOffsets = new Int32Array(entries);
    this.entryLengths = new Int32Array(entries);
    this.entryNumbers = new Float64Array(entries);
  }

  begin(): void {
    this.present[0] = 0;
    this.present[1] = 0;
    this.errorCode = null;
  }

  set(field: number): void {
    this.present[field >> 5]! |= 1 << (field & 31);
  }

  clear(field: number): void {
    this.present[field >> 5]! &= ~(1 << (field & 31));
  }

  has(field: number): boolean {
    return ((this.present[field >> 5]! >>> (field & 31)) & 1) === 1;
  }

  /** Keeps the first error; `field` -1 is the event itself. */
  fail(code: EventErrorCode, field: number, keyOffset = 0, keyLength = -2): void {
    if (this.errorCode !== null) return;
    this.errorCode = code;
    this.errorField = field;
    this.errorKeyOffset = keyOffset;
    this.errorKeyLength = keyLength;
  }
}
