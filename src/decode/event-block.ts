import { type RawColumn, rawColumns } from '../core/event-schema.js';
import { invariant } from '../core/invariant.js';
import type { WorkCells } from '../core/work-rows.js';
import type { ByteSource } from './byte-range.js';
import { type Column, rowsInitial, rowsRetainedMax } from './columns/column.js';
import { DictionaryColumn } from './columns/dictionary-column.js';
import { ListColumn } from './columns/list-column.js';
import { MapColumn } from './columns/map-column.js';
import { EnumColumn, Float64Column, Uint16Column } from './columns/number-columns.js';
import { TextColumn } from './columns/text-column.js';
import { Word64Column } from './columns/word64-column.js';
import { fieldIndex, fieldSpecs } from './field-table.js';
import { NativeBlock } from './native-block.js';
import { SecretMask } from './secrets/secret-mask.js';
import type { StagedEvent } from './staged-event.js';
import { prefixBytes } from './utf8-text.js';

/** Columns before those of the fields: tenant, received and conflicting_end. */
const serverColumnCount = rawColumns.length - fieldSpecs.length;

/**
 * The columns of the raw table while a batch is decoded. An event is appended whole or not at all;
 * the rows of a malformed frame are taken back. One instance a worker, reused for every batch.
 */
export class EventBlock {
  readonly #columns: readonly Column[];
  readonly #native: NativeBlock;
  readonly #tenants: DictionaryColumn;
  readonly #received: Word64Column;
  readonly #conflicts: EnumColumn;
  readonly #mask = new SecretMask(Math.max(...keptCharactersMax));
  #capacity = rowsInitial;
  #markedRows = 0;
  #markedMasked = 0;
  /** Fields that a row sets, as bits of `StagedEvent.presentLow` and `presentHigh`, and whether one conflicts. */
  #setLow = 0;
  #setHigh = 0;
  #hasConflicts = false;
  #markedLow = 0;
  #markedHigh = 0;
  #markedConflicts = false;
  rows = 0;

  constructor() {
    this.#columns = rawColumns.map((spec, index) => createColumn(spec, index - serverColumnCount, this.#mask));
    this.#native = new NativeBlock(rawColumns, this.#columns);
    this.#tenants = this.#columns[0] as DictionaryColumn;
    this.#received = this.#columns[1] as Word64Column;
    this.#conflicts = this.#columns[2] as EnumColumn;
  }

  /** Values in which a secret was masked. */
  get maskedCount(): number {
    return this.#mask.count;
  }

  /** Key of a tenant for `append`. */
  internTenant(source: ByteSource): number {
    return this.#tenants.intern(source, 0, source.bytes.length);
  }

  get tenants(): DictionaryColumn {
    return this.#tenants;
  }

  /** 1 for rows that count nothing. */
  get conflicts(): Int8Array {
    return this.#conflicts.values;
  }

  /** Of the row appended last: it ends what had ended otherwise before. */
  setConflict(): void {
    this.#conflicts.append(this.rows - 1, 1);
    this.#hasConflicts = true;
  }

  /** Of the row appended last, which has none: its run. */
  setRun(run: ByteSource): void {
    (this.column(runIdField) as TextColumn).append(this.rows - 1, run, 0, run.bytes.length);
    this.#noteSet(runIdField);
  }

  /** Of the row appended last, which has none: its name. */
  setName(name: ByteSource): void {
    (this.column(nameField) as DictionaryColumn).append(this.rows - 1, name, 0, name.bytes.length);
    this.#noteSet(nameField);
  }

  /** Of the row appended last, which has none: its step kind. */
  setStepKind(kind: number): void {
    (this.column(stepKindField) as EnumColumn).append(this.rows - 1, kind);
    this.#noteSet(stepKindField);
  }

  /** Of the row appended last, which has none: its user. */
  setUser(user: ByteSource): void {
    (this.column(userIdField) as TextColumn).append(this.rows - 1, user, 0, user.bytes.length);
    this.#noteSet(userIdField);
  }

  /** Where cells lie in the block that `encode` wrote last and that are filled afterwards. */
  workCells(): WorkCells {
    const started = this.#native.offsetOf(serverColumnCount + sliceFields.startedAt);
    const duration = this.#native.offsetOf(serverColumnCount + sliceFields.durationMs);
    return {
      startedNulls: started,
      startedValues: started + this.rows,
      durationNulls: duration,
      durationValues: duration + this.rows,
    };
  }

  /** The column of a field, for reading rows back within the batch. */
  column(field: number): Column {
    return this.#columns[serverColumnCount + field]!;
  }

  /** Hot path: once an event. Copies the event's values out of `source`. */
  append(event: StagedEvent, source: ByteSource, tenantKey: number): void {
    const row = this.rows;
    if (row === this.#capacity) this.#grow();
    this.#tenants.set(row, tenantKey);
    for (let bits = event.presentLow; bits !== 0; bits &= bits - 1) {
      this.#appendField(31 - Math.clz32(bits & -bits), row, event, source);
    }
    for (let bits = event.presentHigh; bits !== 0; bits &= bits - 1) {
      this.#appendField(63 - Math.clz32(bits & -bits), row, event, source);
    }
    this.#setLow |= event.presentLow;
    this.#setHigh |= event.presentHigh;
    this.rows = row + 1;
  }

  #noteSet(field: number): void {
    if (field < 32) this.#setLow |= 1 << field;
    else this.#setHigh |= 1 << (field - 32);
  }

  /** Whether a column of the block holds more than defaults, or cells that may still be filled. */
  #isWritten(column: number): boolean {
    const field = column - serverColumnCount;
    if (field < 0) return this.#columns[column] !== this.#conflicts || this.#hasConflicts;
    if (field === sliceFields.startedAt || field === sliceFields.durationMs) return true;
    const built = this.#columns[column];
    // What was set may have been nothing but nulls.
    if (built instanceof MapColumn || built instanceof ListColumn) return built.entries > 0;
    return ((field < 32 ? this.#setLow >>> field : this.#setHigh >>> (field - 32)) & 1) === 1;
  }

  /** A variable a class: V8 keeps one cache of a property for each variable of a function, whatever it is cast to. */
  #appendField(field: number, row: number, event: StagedEvent, source: ByteSource): void {
    const column = this.#columns[serverColumnCount + field]!;
    switch (columnClasses[field]) {
      case classes.text: {
        const text = column as TextColumn;
        text.append(row, source, event.offsets[field]!, event.lengths[field]!);
        break;
      }
      case classes.dictionary: {
        const dictionary = column as DictionaryColumn;
        dictionary.append(row, source, event.offsets[field]!, event.lengths[field]!);
        break;
      }
      case classes.enum: {
        const enumeration = column as EnumColumn;
        enumeration.append(row, event.numbers[field]!);
        break;
      }
      case classes.word64: {
        const words = column as Word64Column;
        words.append(row, event.numbers[field]!);
        break;
      }
      case classes.float64: {
        const floats = column as Float64Column;
        floats.append(row, event.numbers[field]!);
        break;
      }
      case classes.uint16: {
        const shorts = column as Uint16Column;
        shorts.append(row, event.numbers[field]!);
        break;
      }
      case classes.map: {
        const map = column as MapColumn;
        map.append(row, source, event, field);
        break;
      }
      case classes.list: {
        const list = column as ListColumn;
        list.append(row, source, event, field);
        break;
      }
      case classes.hash: {
        const hashes = column as Word64Column;
        hashes.appendWords(row, event.hashLow, event.hashHigh);
        break;
      }
      default:
        this.#appendMasked(field, row, event, source);
    }
  }

  #appendMasked(field: number, row: number, event: StagedEvent, source: ByteSource): void {
    const column = this.#columns[serverColumnCount + field] as TextColumn;
    const offset = event.offsets[field]!;
    const length = event.lengths[field]!;
    const charactersMax = keptCharactersMax[field]!;
    const mask = this.#mask;
    if (mask.masks(source, offset, length, charactersMax)) column.append(row, mask.source, 0, mask.length);
    else column.append(row, source, offset, prefixBytes(source.bytes, offset, length, charactersMax));
  }

  mark(): void {
    this.#markedRows = this.rows;
    this.#markedMasked = this.#mask.count;
    this.#markedLow = this.#setLow;
    this.#markedHigh = this.#setHigh;
    this.#markedConflicts = this.#hasConflicts;
    for (const column of this.#columns) column.mark();
  }

  restore(): void {
    for (const column of this.#columns) column.restore(this.#markedRows, this.rows);
    this.rows = this.#markedRows;
    this.#mask.count = this.#markedMasked;
    this.#setLow = this.#markedLow;
    this.#setHigh = this.#markedHigh;
    this.#hasConflicts = this.#markedConflicts;
  }

  /** All rows as one Native block, without the columns that no row sets. */
  encode(receivedMs: number, spare: ArrayBufferLike | null): Uint8Array {
    this.#received.fill(receivedMs, this.rows);
    return this.#native.encode(this.rows, (column) => this.#isWritten(column), spare);
  }

  clear(): void {
    for (const column of this.#columns) column.clear(this.rows);
    if (this.#capacity > rowsRetainedMax) this.#capacity = rowsInitial;
    this.rows = 0;
    this.#setLow = 0;
    this.#setHigh = 0;
    this.#hasConflicts = false;
    this.#mask.count = 0;
  }

  #grow(): void {
    this.#capacity *= 2;
    for (const column of this.#columns) column.reserve(this.#capacity);
  }
}

const runIdField = fieldIndex('run_id');
const userIdField = fieldIndex('user_id');
const nameField = fieldIndex('name');
const stepKindField = fieldIndex('step_kind');

/** Which class of column a field has: with a switch over it, each class is called monomorphically. */
const classes = {
  text: 0,
  dictionary: 1,
  enum: 2,
  word64: 3,
  float64: 4,
  uint16: 5,
  map: 6,
  list: 7,
  masked: 8,
  hash: 9,
} as const;

const columnClasses: readonly number[] = fieldSpecs.map((field) => {
  if (field.kind === 'hash') return classes.hash;
  return field.redact && field.kind === 'string' ? classes.masked : classOf(field.column);
});

/** Characters of a text, or of each value of a map or list, that are kept: masks may make a value longer. */
const keptCharactersMax: readonly number[] = fieldSpecs.map((field) => field.charactersMax ?? 0);

function classOf(type: string): number {
  if (type.startsWith('Enum8') || type === 'UInt8') return classes.enum;
  if (type.includes('UInt64') || type.includes('DateTime64(3')) return classes.word64;
  switch (type) {
    case 'String':
      return classes.text;
    case 'LowCardinality(String)':
      return classes.dictionary;
    case 'Nullable(Float64)':
      return classes.float64;
    case 'UInt16':
      return classes.uint16;
    case 'Map(LowCardinality(String), String)':
      return classes.map;
    case 'Array(String)':
      return classes.list;
  }
  invariant(false, `column type ${type} has a builder`);
}

/** `field` below 0: a column of the collector's own. */
function createColumn(spec: RawColumn, field: number, mask: SecretMask): Column {
  switch (classOf(spec.column)) {
    case classes.text:
      return new TextColumn();
    case classes.dictionary:
      return new DictionaryColumn();
    case classes.enum:
      return new EnumColumn();
    case classes.word64:
      return new Word64Column(spec.column.startsWith('Nullable'));
    case classes.float64:
      return new Float64Column();
    case classes.uint16:
      return new Uint16Column();
    case classes.map:
      invariant(fieldSpecs[field]?.redact, `secrets in ${spec.name} are masked`);
      return new MapColumn(mask, keptCharactersMax[field]!);
    default:
      invariant(fieldSpecs[field]?.redact, `secrets in ${spec.name} are masked`);
      return new ListColumn(mask, keptCharactersMax[field]!);
  }
}

/** The columns that the window slices read back. */
export const sliceFields = {
  type: fieldIndex('type'),
  agentId: fieldIndex('agent_id'),
  ts: fieldIndex('ts'),
  startedAt: fieldIndex('started_at'),
  durationMs: fieldIndex('duration_ms'),
  llmCalls: fieldIndex('llm_calls'),
  tokensIn: fieldIndex('tokens_in'),
  tokensOut: fieldIndex('tokens_out'),
  costMicros: fieldIndex('cost_micros'),
  usageScope: fieldIndex('usage_scope'),
  errorCategory: fieldIndex('error_category'),
  confidence: fieldIndex('confidence'),
  memoryMb: fieldIndex('memory_mb'),
} as const;
