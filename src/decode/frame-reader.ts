import type { FrameLimits } from '../core/limits.js';
import { EventReader, type UnknownFields } from './event-reader.js';
import { fieldNames } from './field-table.js';
import type { FrameReport } from './frame-report.js';
import { malformed, otherType } from './msgpack-reader.js';
import { NameTable } from './name-table.js';
import { StagedEvent } from './staged-event.js';

/**
 * The shapes of a frame (DESIGN §3), read from MessagePack:
 *
 *   {field: value, …}                              one event
 *   [{field: value, …}, …]                         events
 *   {seq?, events: [{…}, …]}                       an envelope of events
 *   {seq?, columns: [name, …], rows: [[…], …]}     an envelope of rows
 *   {…} {…} …                                      events one after another: NDJSON, repacked
 *
 * A map with `events`, `rows` or `columns` at its top is an envelope: no field of an event has these names.
 */
export interface EventSink {
  /** The staged event has been read, well or badly. */
  event(): void;
}

const envelopeNames = new NameTable(['seq', 'events', 'columns', 'rows']);
const seqName = 0;
const eventsName = 1;
const columnsName = 2;
const rowsName = 3;

/** Columns a frame may name; the schema has fewer than a fifth of them. */
const columnsMax = 256;

export class FrameReader implements UnknownFields {
  readonly staged = new StagedEvent();
  readonly reader: EventReader;
  readonly #report: FrameReport;
  readonly #sink: EventSink;
  readonly #eventsMax: number;
  readonly #columnFields = new Int16Array(columnsMax);
  #columns = -1;
  /** Where `rows` begins, when it came before `columns`. */
  #rowsAt = -1;
  #eventsRead = false;
  #rowsRead = false;
  #seqInvalid = false;

  constructor(limits: FrameLimits, report: FrameReport, sink: EventSink) {
    this.reader = new EventReader(this.staged, this, limits.nestingMax);
    this.#report = report;
    this.#sink = sink;
    this.#eventsMax = limits.eventsPerFrameMax;
  }

  unknownField(offset: number, length: number): void {
    this.#report.unknownName(this.reader.source, offset, length, -1);
  }

  /** Reads the frame that begins at `at` and ends at the reader's end; faults go to the report. */
  frame(at: number): void {
    const { reader } = this;
    let next = reader.array(at);
    if (next >= 0) next = this.#events(next, reader.count);
    else if (next === otherType) {
      next = reader.map(at);
      if (next >= 0) next = this.#mapFrame(at, next, reader.count);
    }
    if (next === otherType) this.#refuseShape(at);
    else this.#checkEnd(next);
  }

  /** Reads events that follow one another without a header around them. */
  sequence(at: number): void {
    let next = at;
    while (next >= 0 && next < this.reader.end) {
      next = this.reader.eventMap(next);
      if (next >= 0) this.#sink.event();
    }
    this.#checkEnd(next);
  }

  #checkEnd(next: number): void {
    if (this.#report.failed) return;
    if (next === malformed) this.#report.fail('frame_malformed', 'it ends early or is not valid MessagePack');
    else if (next < this.reader.end) this.#report.fail('frame_malformed', 'bytes follow its value');
    else if (this.#report.index === 0) this.#report.fail('frame_empty', 'it holds no event');
  }

  #refuseShape(at: number): void {
    const next = this.reader.skip(at, 0);
    if (next === this.reader.end) this.#report.fail('frame_shape', 'it is none of the three shapes');
    else this.#checkEnd(next);
  }

  #events(at: number, count: number): number {
    if (!this.#admits(count)) return malformed;
    const { reader } = this;
    let position = at;
    for (let event = 0; event < count; event++) {
      position = reader.eventMap(position);
      if (position < 0) return malformed;
      this.#sink.event();
    }
    return position;
  }

  #rows(at: number, count: number): number {
    if (!this.#admits(count)) return malformed;
    const { reader } = this;
    const fields = this.#columnFields;
    const columns = this.#columns;
    let position = at;
    for (let row = 0; row < count; row++) {
      position = reader.eventRow(position, fields, columns);
      if (position < 0) return malformed;
      this.#sink.event();
    }
    return position;
  }

  #admits(count: number): boolean {
    if (count <= this.#eventsMax) return true;
    this.#report.fail('frame_too_many_events', `it holds more than ${this.#eventsMax} events`);
    return false;
  }

  /** A map at the top: an envelope is read as its keys come, anything else is one event. */
  #mapFrame(mapAt: number, at: number, pairs: number): number {
    const { reader } = this;
    this.#columns = -1;
    this.#rowsAt = -1;
    this.#eventsRead = false;
    this.#rowsRead = false;
    this.#seqInvalid = false;
    let position = at;
    for (let pair = 0; pair < pairs; pair++) {
      const keyAt = position;
      position = reader.text(position);
      if (position === malformed) return malformed;
      if (position === otherType) {
        position = reader.skip(keyAt, 0);
        if (position >= 0) position = reader.skip(position, 0);
      } else {
        const offset = reader.textOffset;
        position = this.#envelopeValue(envelopeNames.find(reader.source, offset, position - offset), position);
      }
      if (position < 0) return position;
    }
    return this.#finishEnvelope(mapAt, position);
  }

  /** Other keys of an envelope carry no event and are passed over; null is as if the key were not there. */
  #envelopeValue(name: number, at: number): number {
    if (this.reader.isNil(at)) return at + 1;
    switch (name) {
      case seqName:
        return this.#seq(at);
      case eventsName:
        return this.#envelopeEvents(at);
      case columnsName:
        return this.#columnNames(at);
      case rowsName:
        return this.#envelopeRows(at);
      default:
        return this.reader.skip(at, 0);
    }
  }

  #finishEnvelope(mapAt: number, end: number): number {
    if (this.#rowsAt >= 0) {
      if (this.#columns < 0) return this.#misshapen('rows come without columns');
      const rowsAt = this.#rowsAt;
      this.#rowsAt = -1;
      if (this.#envelopeRows(rowsAt) < 0) return malformed;
    }
    if (this.#eventsRead && (this.#rowsRead || this.#columns >= 0))
      return this.#misshapen('it has both events and rows');
    if (this.#eventsRead || this.#rowsRead) return this.#seqInvalid ? this.#refuseSeq() : end;
    if (this.#columns >= 0) return this.#misshapen('columns come without rows');
    this.#report.seq = null;
    const next = this.reader.eventMap(mapAt);
    if (next >= 0) this.#sink.event();
    return next;
  }

  /** Ends the frame with a reason of its own. */
  #misshapen(cause: string): number {
    this.#report.fail('frame_shape', cause);
    return malformed;
  }

  #seq(at: number): number {
    const { reader } = this;
    const next = reader.numeric(at);
    if (next === malformed) return malformed;
    const seq = next === otherType ? Number.NaN : reader.number[0]!;
    this.#seqInvalid = !Number.isSafeInteger(seq) || seq < 1;
    if (!this.#seqInvalid) this.#report.seq = seq;
    return next === otherType ? reader.skip(at, 0) : next;
  }

  #refuseSeq(): number {
    this.#report.fail('seq_invalid', 'seq is not an integer from 1 to 2^53 - 1');
    return malformed;
  }

  #envelopeEvents(at: number): number {
    if (this.#eventsRead) return this.#misshapen('events come twice');
    const next = this.reader.array(at);
    if (next === otherType) return this.#misshapen('events is not an array');
    this.#eventsRead = true;
    return next < 0 ? malformed : this.#events(next, this.reader.count);
  }

  #envelopeRows(at: number): number {
    if (this.#rowsRead || this.#rowsAt >= 0) return this.#misshapen('rows come twice');
    const { reader } = this;
    const next = reader.array(at);
    if (next === otherType) return this.#misshapen('rows is not an array');
    if (next === malformed) return malformed;
    if (this.#columns < 0) {
      if (!this.#admits(reader.count)) return malformed;
      this.#rowsAt = at;
      return reader.skip(at, 0);
    }
    this.#rowsRead = true;
    return this.#rows(next, reader.count);
  }

  #columnNames(at: number): number {
    if (this.#columns >= 0) return this.#misshapen('columns come twice');
    const { reader } = this;
    let position = reader.array(at);
    if (position === malformed) return malformed;
    const { count } = reader;
    if (position === otherType || count > columnsMax)
      return this.#misshapen(`columns is not at most ${columnsMax} names`);
    for (let column = 0; column < count; column++) {
      position = reader.text(position);
      if (position === malformed) return malformed;
      if (position === otherType) return this.#misshapen(`columns.${column} is not text`);
      this.#columnFields[column] = this.#columnField(column, reader.textOffset, position);
    }
    this.#columns = count;
    return position;
  }

  /** The field of a column; of a name that comes twice the later column counts, as in a map. */
  #columnField(column: number, offset: number, end: number): number {
    const { source } = this.reader;
    const field = fieldNames.find(source, offset, end - offset);
    if (field < 0) this.#report.unknownName(source, offset, end - offset, column);
    return field;
  }
}
