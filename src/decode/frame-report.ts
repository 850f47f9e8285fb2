import { type EventErrorCode, errorTable, eventErrors, type FrameErrorCode } from '../core/errors.js';
import type { DecodedFrame, EventError } from '../core/event-batch.js';
import { instant } from '../core/time-text.js';
import { type ByteSource, hashRange } from './byte-range.js';
import { describeField, fieldSpecs } from './field-table.js';
import type { StagedEvent } from './staged-event.js';
import { readName } from './utf8-text.js';

/** Unknown names told once a frame; further ones are only counted. */
const namesNoticedMax = 8;

/** What is to be answered about one frame, collected while it is read. One instance, begun anew for each frame. */
export class FrameReport {
  readonly #errorsListedMax: number;
  #errors: EventError[] = [];
  #notices: EventError[] = [];
  readonly #noticedHashes = new Int32Array(namesNoticedMax);
  #noted: EventError[] = [];
  #rejectedByCode: Partial<Record<EventErrorCode, number>> = {};
  #fault: { code: FrameErrorCode; message: string } | null = null;
  seq: number | null = null;
  accepted = 0;
  rows = 0;
  rejected = 0;
  /** Occurrences of names the schema does not know. */
  unknownCount = 0;

  constructor(errorsListedMax: number) {
    this.#errorsListedMax = errorsListedMax;
  }

  begin(): void {
    this.#errors = [];
    this.#notices = [];
    this.#noted = [];
    this.#rejectedByCode = {};
    this.#fault = null;
    this.seq = null;
    this.accepted = 0;
    this.rows = 0;
    this.rejected = 0;
    this.unknownCount = 0;
  }

  /** Index of the event that is being read. */
  get index(): number {
    return this.accepted + this.rejected;
  }

  /** The event being read is bad: counts it and, while there is room, names what is wrong with it. */
  reject(event: StagedEvent, source: ByteSource): void {
    const code = event.errorCode!;
    if (this.#errors.length < this.#errorsListedMax) {
      const path = errorPath(event, source);
      this.#errors.push({ index: this.index, code, path, message: eventErrorMessage(code, event, path) });
    }
    this.rejected++;
    this.#rejectedByCode[code] = (this.#rejectedByCode[code] ?? 0) + 1;
  }

  /** A name that is ignored. `column` -1: a field of the event being read. A length below 0: not a text. */
  unknownName(source: ByteSource, offset: number, length: number, column: number): void {
    this.unknownCount++;
    const noticed = this.#notices.length;
    if (noticed === namesNoticedMax) return;
    const hash = length < 0 ? -1 : hashRange(source, offset, length);
    for (let at = 0; at < noticed; at++) {
      if (this.#noticedHashes[at] === hash) return;
    }
    this.#noticedHashes[noticed] = hash;
    const name = length < 0 ? '' : readName(source, offset, length);
    const code = column < 0 ? 'field_unknown' : 'column_unknown';
    const path = column < 0 ? name : `columns.${column}`;
    const label = length < 0 ? 'a key that is not text' : name;
    const index = column < 0 ? this.index : 0;
    this.#notices.push({ index, code, path, message: `cannot keep ${label}: ${errorTable[code].meaning}` });
  }

  /** The event appended last, whose index this is, ends what had ended otherwise before; it counts nothing. */
  conflictingEnd(index: number): void {
    this.#note(index, 'conflicting_end', 'type', `cannot count event: ${errorTable.conflicting_end.meaning}`);
  }

  /** The time of the event with this index lay outside the accepted skew and is now `keptMs`. */
  clamped(index: number, keptMs: number): void {
    const kept = instant(keptMs);
    this.#note(index, 'time_clamped', 'ts', `cannot keep ts as sent: ${errorTable.time_clamped.meaning}: ${kept}`);
  }

  #note(index: number, code: EventErrorCode, path: string, message: string): void {
    if (this.#noted.length < this.#errorsListedMax) this.#noted.push({ index, code, path, message });
  }

  /** The frame cannot be taken. Keeps the first reason. */
  fail(code: FrameErrorCode, cause: string): void {
    this.#fault ??= { code, message: `cannot read frame: ${cause}` };
  }

  get failed(): boolean {
    return this.#fault !== null;
  }

  finish(): DecodedFrame {
    const seq = this.seq;
    if (this.#fault !== null) {
      const fault = this.#fault;
      return { seq, events: 0, accepted: 0, rows: 0, rejected: 0, errors: [], rejectedByCode: {}, fault };
    }
    const { accepted, rows, rejected } = this;
    const errors = this.#errors;
    for (const notices of [this.#notices, this.#noted]) {
      errors.push(...notices.slice(0, this.#errorsListedMax - errors.length));
    }
    const rejectedByCode = this.#rejectedByCode;
    return { seq, events: accepted + rejected, accepted, rows, rejected, errors, rejectedByCode, fault: null };
  }
}

function errorPath(event: StagedEvent, source: ByteSource): string {
  const field = fieldSpecs[event.errorField];
  if (field === undefined) return unknownPath(event, source);
  if (event.errorKeyLength === -2) return field.name;
  if (event.errorKeyLength === -1) return `${field.name}.${event.errorKeyOffset}`;
  return `${field.name}.${readName(source, event.errorKeyOffset, event.errorKeyLength)}`;
}

/** The event as a whole, or a name the schema does not know: of a field, or of a column by its number. */
function unknownPath(event: StagedEvent, source: ByteSource): string {
  if (event.errorKeyLength === -2) return '';
  if (event.errorKeyLength === -1) return `columns.${event.errorKeyOffset}`;
  return readName(source, event.errorKeyOffset, event.errorKeyLength);
}

/** Says what is expected, never what was sent. */
function eventErrorMessage(code: EventErrorCode, event: StagedEvent, path: string): string {
  const meaning = event.errorCause ?? eventErrors[code as keyof typeof eventErrors].meaning;
  const field = fieldSpecs[event.errorField];
  const subject = path === '' ? 'event' : path;
  if (
    field === undefined ||
    code === 'content_refused' ||
    code === 'time_order' ||
    code === 'field_required' ||
    code === 'user_foreign'
  ) {
    return `cannot accept ${subject}: ${meaning}`;
  }
  return `cannot accept ${subject}: ${meaning}; ${field.name} is ${describeField(field)}`;
}
