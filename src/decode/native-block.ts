import { copyBytes } from '../core/copy-bytes.js';
import type { RawColumn } from '../core/event-schema.js';
import { type Column, varuintBytes, writeVaruint } from './columns/column.js';

/**
 * ClickHouse's Native format at revision 0, the one an insert reads:
 *
 *   varuint columns, varuint rows, then for each column
 *     varuint length and name, varuint length and type, the column's data
 *
 * See https://clickhouse.com/docs/en/interfaces/formats/Native. The columns' own formats are in their files.
 *
 * A block has the columns that one of its rows sets: the reader of an insert gives the others their type's default,
 * which is what they would hold. The engine pays for each column of each block: of 54 columns, 24 of them unset, a
 * block of 100 rows took 0.66 ms and without those 0.42, one of 4,800 rows 0.52 us a row and 0.36 (chdb 3.4.0).
 */
export class NativeBlock {
  readonly #columns: readonly Column[];
  readonly #heads: readonly Uint8Array[];
  readonly #offsets: number[] = [];

  /** `specs` and `columns` in the same order. */
  constructor(specs: readonly RawColumn[], columns: readonly Column[]) {
    this.#columns = columns;
    this.#heads = specs.map((spec) => concatenated(lengthPrefixed(spec.name), lengthPrefixed(spec.column)));
  }

  /**
   * The first `rows` rows, in `spare` when that is large enough; empty when there is none. `isWritten` answers for the
   * index of a column.
   */
  encode(rows: number, isWritten: (column: number) => boolean, spare: ArrayBufferLike | null = null): Uint8Array {
    if (rows === 0) return new Uint8Array(0);
    const written = this.#columns.map((_, index) => index).filter(isWritten);
    let length = varuintBytes(written.length) + varuintBytes(rows);
    for (const index of written) length += this.#heads[index]!.length + this.#columns[index]!.byteLength(rows);
    const out = room(length, spare);
    let at = writeVaruint(out, 0, written.length);
    at = writeVaruint(out, at, rows);
    for (const index of written) {
      const head = this.#heads[index]!;
      copyBytes(head, out, at);
      this.#offsets[index] = at + head.length;
      at = this.#columns[index]!.write(out, at + head.length, rows);
    }
    return out;
  }

  /** Where the data of a column began in the block written last that had it. */
  offsetOf(column: number): number {
    return this.#offsets[column] ?? 0;
  }
}

function room(length: number, spare: ArrayBufferLike | null): Uint8Array {
  const fits = spare !== null && spare.byteLength >= length;
  return fits ? new Uint8Array(spare, 0, length) : new Uint8Array(length);
}

function lengthPrefixed(text: string): Uint8Array {
  const encoded = new TextEncoder().encode(text);
  const out = new Uint8Array(varuintBytes(encoded.length) + encoded.length);
  out.set(encoded, writeVaruint(out, 0, encoded.length));
  return out;
}

function concatenated(left: Uint8Array, right: Uint8Array): Uint8Array {
  const out = new Uint8Array(left.length + right.length);
  out.set(left);
  out.set(right, left.length);
  return out;
}
