import { ok, strictEqual } from 'node:assert/strict';
import { isUtf8 } from 'node:buffer';

export interface ReadBlock {
  readonly rows: number;
  readonly columns: readonly { readonly name: string; readonly type: string }[];
}

/** Reads a Native block to its last byte, without the engine; throws when it is not one. */
export function readNativeBlock(bytes: Uint8Array): ReadBlock {
  const reader = new BlockReader(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length));
  const [columnCount, rows] = [reader.varuint(), reader.varuint()];
  const columns: { readonly name: string; readonly type: string }[] = [];
  for (let column = 0; column < columnCount; column++) {
    const [name, type] = [reader.text(), reader.text()];
    reader.column(type, rows);
    columns.push({ name, type });
  }
  strictEqual(reader.left, 0, 'bytes follow the block');
  return { rows, columns };
}

const keysFollow = 0x600;

class BlockReader {
  readonly #block: Buffer;
  #at = 0;

  constructor(block: Buffer) {
    this.#block = block;
  }

  get left(): number {
    return this.#block.length - this.#at;
  }

  varuint(): number {
    let value = 0;
    for (let scale = 1; ; scale *= 128) {
      const byte = this.#block[this.#skip(1)]!;
      value += (byte & 127) * scale;
      if (byte < 128) return value;
    }
  }

  text(): string {
    const length = this.varuint();
    const at = this.#skip(length);
    const bytes = this.#block.subarray(at, at + length);
    ok(isUtf8(bytes), 'a text is not UTF-8');
    return bytes.toString('utf8');
  }

  column(type: string, rows: number): void {
    const optional = /^Nullable\((.*)\)$/.exec(type)?.[1];
    if (optional !== undefined) {
      for (let row = 0; row < rows; row++) ok(this.#block[this.#skip(1)]! < 2, 'a null flag is neither 0 nor 1');
      this.column(optional, rows);
    } else if (type === 'String') {
      for (let row = 0; row < rows; row++) this.text();
    } else if (type === 'LowCardinality(String)') {
      this.#version();
      this.#dictionary(rows);
    } else if (type === 'Map(LowCardinality(String), String)') {
      this.#version();
      const entries = this.#offsets(rows);
      this.#dictionary(entries);
      this.column('String', entries);
    } else if (type === 'Array(String)') {
      this.column('String', this.#offsets(rows));
    } else {
      this.#skip(rows * widthOf(type));
    }
  }

  #version(): void {
    strictEqual(this.#uint64(), 1, 'the version of the keys');
  }

  #dictionary(rows: number): void {
    if (rows === 0) return;
    const flags = this.#uint64();
    const width = 2 ** (flags - keysFollow);
    ok([1, 2, 4].includes(width), `flags ${flags}`);
    const keys = this.#uint64();
    const texts = new Set<string>();
    for (let key = 0; key < keys; key++) texts.add(this.text());
    strictEqual(texts.size, keys, 'a key comes twice');
    strictEqual(this.#uint64(), rows, 'rows of a dictionary');
    for (let row = 0; row < rows; row++) {
      ok(this.#block.readUIntLE(this.#skip(width), width) < keys, 'an index is behind the keys');
    }
  }

  #offsets(rows: number): number {
    let last = 0;
    for (let row = 0; row < rows; row++) {
      const next = this.#uint64();
      ok(next >= last, 'offsets go back');
      last = next;
    }
    return last;
  }

  #uint64(): number {
    return Number(this.#block.readBigUInt64LE(this.#skip(8)));
  }

  /** Where the bytes begin that were skipped. */
  #skip(length: number): number {
    const at = this.#at;
    ok(at + length <= this.#block.length, 'the block ends early');
    this.#at = at + length;
    return at;
  }
}

function widthOf(type: string): number {
  if (type.startsWith('Enum8') || type === 'UInt8') return 1;
  if (type.startsWith('DateTime64') || type === 'UInt64' || type === 'Float64') return 8;
  if (type === 'Float32') return 4;
  strictEqual(type, 'UInt16', 'a type nobody here knows');
  return 2;
}
