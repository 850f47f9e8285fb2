import { type ByteSource, createByteSource } from '../byte-range.js';
import { maskSource, type SecretMask } from '../secrets/secret-mask.js';
import { entryKinds, type StagedEvent } from '../staged-event.js';
import type { Column } from './column.js';
import { DictionaryColumn } from './dictionary-column.js';
import { EntryOffsets } from './entry-offsets.js';
import { TextColumn, type TextCursor } from './text-column.js';

/**
 * `Map(LowCardinality(String), String)`: the keys' version, the offsets, the keys, the values.
 * Numbers and booleans become the text that JavaScript makes of them. Secrets in values are masked, and whole values
 * whose key tells that they are secrets; a boolean is none.
 */
export class MapColumn implements Column {
  readonly #offsets = new EntryOffsets();
  readonly #keys = new DictionaryColumn();
  readonly #values = new TextColumn();
  readonly #mask: SecretMask;
  readonly #valueCharactersMax: number;
  /** Of each key: whether its values are secrets. Judged once a key and batch, the first `#keysJudged` so far. */
  readonly #keyIsSecret: boolean[] = [false];
  #keysJudged = 1;
  #markedKeysJudged = 1;

  constructor(mask: SecretMask, valueCharactersMax: number) {
    this.#mask = mask;
    this.#valueCharactersMax = valueCharactersMax;
  }

  append(row: number, source: ByteSource, event: StagedEvent, field: number): void {
    const base = event.entryBase[field]!;
    const end = base + event.entryCounts[field]!;
    const first = this.#offsets.entries;
    let entry = first;
    if (first + end - base > this.#keys.capacity) this.#keys.reserve(2 * (first + end - base));
    for (let slot = base; slot < end; slot++) {
      const kind = event.entryKind[slot]!;
      if (kind === entryKinds.absent) continue;
      const keyLength = event.keyLengths[slot]!;
      let key = 0;
      if (keyLength === 0) this.#keys.set(entry, 0);
      else key = this.#keys.appendHashed(entry, source, event.keyOffsets[slot]!, keyLength, event.keyHashes[slot]!);
      if (key >= this.#keysJudged) this.#judgeKey(key, source, event.keyOffsets[slot]!, keyLength);
      if (kind === entryKinds.text) {
        this.#appendText(entry, key, source, event.entryOffsets[slot]!, event.entryLengths[slot]!);
      } else {
        this.#appendScalar(entry, key, kind, event.entryNumbers[slot]!);
      }
      entry++;
    }
    if (entry > first) this.#offsets.append(row, entry - first);
  }

  #judgeKey(key: number, source: ByteSource, offset: number, length: number): void {
    this.#keyIsSecret[key] = this.#mask.isSecretKey(source, offset, length);
    this.#keysJudged = key + 1;
  }

  #appendText(entry: number, key: number, source: ByteSource, offset: number, length: number): void {
    const mask = this.#mask;
    if (this.#keyIsSecret[key]!) {
      this.#appendMask(entry);
    } else if (mask.masks(source, offset, length, this.#valueCharactersMax)) {
      this.#values.append(entry, mask.source, 0, mask.length);
    } else {
      this.#values.append(entry, source, offset, length);
    }
  }

  #appendMask(entry: number): void {
    this.#values.append(entry, maskSource, 0, maskSource.bytes.length);
    this.#mask.count++;
  }

  #appendScalar(entry: number, key: number, kind: number, value: number): void {
    if (kind === entryKinds.number && this.#keyIsSecret[key]!) {
      this.#appendMask(entry);
      return;
    }
    const text = kind === entryKinds.number ? String(value) : kind === entryKinds.true ? 'true' : 'false';
    for (let at = 0; at < text.length; at++) scalarText.bytes[at] = text.charCodeAt(at);
    this.#values.append(entry, scalarText, 0, text.length);
  }

  /** Of all rows. */
  get entries(): number {
    return this.#offsets.entries;
  }

  /** Reads the rows back within the batch, before it is cleared. */
  reader(): { readonly offsets: EntryOffsets; readonly keys: DictionaryColumn; readonly values: TextCursor } {
    return { offsets: this.#offsets, keys: this.#keys, values: this.#values.cursor() };
  }

  reserve(capacity: number): void {
    this.#offsets.reserve(capacity);
  }

  mark(): void {
    this.#offsets.mark();
    this.#keys.mark();
    this.#values.mark();
    this.#markedKeysJudged = this.#keysJudged;
  }

  restore(): void {
    const { entries } = this.#offsets;
    this.#offsets.restore();
    this.#keys.restore(this.#offsets.entries, entries);
    this.#values.restore();
    this.#keysJudged = this.#markedKeysJudged;
  }

  byteLength(rows: number): number {
    const { entries } = this.#offsets;
    return 8 + 8 * rows + this.#keys.bodyByteLength(entries) + this.#values.byteLength(entries);
  }

  write(out: Uint8Array, offset: number, rows: number): number {
    const { entries } = this.#offsets;
    let at = this.#keys.writeVersion(out, offset);
    at = this.#offsets.write(out, at, rows);
    at = this.#keys.writeBody(out, at, entries);
    return this.#values.write(out, at, entries);
  }

  clear(): void {
    this.#keys.clear(this.#offsets.entries);
    this.#offsets.clear();
    this.#values.clear();
    this.#keysJudged = 1;
  }
}

/** The longest number JavaScript writes has 25 characters. */
const scalarText = createByteSource(new ArrayBuffer(32));
