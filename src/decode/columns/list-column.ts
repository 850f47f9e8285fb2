import type { ByteSource } from '../byte-range.js';
import type { SecretMask } from '../secrets/secret-mask.js';
import type { StagedEvent } from '../staged-event.js';
import type { Column } from './column.js';
import { EntryOffsets } from './entry-offsets.js';
import { TextColumn, type TextCursor } from './text-column.js';

/** `Array(String)`: the offsets, then the texts, secrets in them masked. */
export class ListColumn implements Column {
  readonly #offsets = new EntryOffsets();
  readonly #values = new TextColumn();
  readonly #mask: SecretMask;
  readonly #valueCharactersMax: number;

  constructor(mask: SecretMask, valueCharactersMax: number) {
    this.#mask = mask;
    this.#valueCharactersMax = valueCharactersMax;
  }

  append(row: number, source: ByteSource, event: StagedEvent, field: number): void {
    const base = event.entryBase[field]!;
    const count = event.entryCounts[field]!;
    const first = this.#offsets.entries;
    const mask = this.#mask;
    for (let item = 0; item < count; item++) {
      const offset = event.entryOffsets[base + item]!;
      const length = event.entryLengths[base + item]!;
      const masked = mask.masks(source, offset, length, this.#valueCharactersMax);
      if (masked) this.#values.append(first + item, mask.source, 0, mask.length);
      else this.#values.append(first + item, source, offset, length);
    }
    this.#offsets.append(row, count);
  }

  /** Of all rows. */
  get entries(): number {
    return this.#offsets.entries;
  }

  /** Reads the rows back within the batch, before it is cleared. */
  reader(): { readonly offsets: EntryOffsets; readonly values: TextCursor } {
    return { offsets: this.#offsets, values: this.#values.cursor() };
  }

  reserve(capacity: number): void {
    this.#offsets.reserve(capacity);
  }

  mark(): void {
    this.#offsets.mark();
    this.#values.mark();
  }

  restore(): void {
    this.#offsets.restore();
    this.#values.restore();
  }

  byteLength(rows: number): number {
    return 8 * rows + this.#values.byteLength(this.#offsets.entries);
  }

  write(out: Uint8Array, offset: number, rows: number): number {
    return this.#values.write(out, this.#offsets.write(out, offset, rows), this.#offsets.entries);
  }

  clear(): void {
    this.#offsets.clear();
    this.#values.clear();
  }
}
