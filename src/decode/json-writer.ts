import type { TextCursor } from './columns/text-column.js';

const bytesInitial = 65_536;
const bytesRetainedMax = 8_388_608;
const quote = 0x22;
const backslash = 0x5c;
const hexDigits = utf8('0123456789abcdef');

export function utf8(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}

/** JSON in UTF-8, written into one buffer that grows and is reused. */
export class JsonWriter {
  #bytes = new Uint8Array(bytesInitial);
  length = 0;

  byte(value: number): void {
    this.#reserve(1);
    this.#bytes[this.length++] = value;
  }

  /** Bytes that are JSON already. */
  raw(bytes: Uint8Array): void {
    const { length } = bytes;
    this.#reserve(length);
    const out = this.#bytes;
    let at = this.length;
    // Names and words: below about 100 bytes a loop is faster than `set`.
    for (let index = 0; index < length; index++) out[at++] = bytes[index]!;
    this.length = at;
  }

  /** Text of ASCII characters that is JSON already. */
  ascii(text: string): void {
    this.#reserve(text.length);
    for (let index = 0; index < text.length; index++) this.#bytes[this.length++] = text.charCodeAt(index);
  }

  /** A finite number behind its name. */
  number(name: Uint8Array, value: number): void {
    this.raw(name);
    this.ascii(String(value));
  }

  /** A text of valid UTF-8 as a JSON string: quotes, backslashes and control characters are escaped. */
  text({ source, offset, length }: TextCursor): void {
    this.#reserve(6 * length + 2);
    const from = source.bytes;
    const out = this.#bytes;
    let at = this.length;
    out[at++] = quote;
    for (let index = offset; index < offset + length; index++) {
      const byte = from[index]!;
      if (byte < 0x20) {
        at = writeControl(out, at, byte);
        continue;
      }
      if (byte === quote || byte === backslash) out[at++] = backslash;
      out[at++] = byte;
    }
    out[at++] = quote;
    this.length = at;
  }

  copy(): Uint8Array {
    return this.#bytes.slice(0, this.length);
  }

  clear(): void {
    if (this.#bytes.length > bytesRetainedMax) this.#bytes = new Uint8Array(bytesInitial);
    this.length = 0;
  }

  #reserve(bytes: number): void {
    const needed = this.length + bytes;
    if (needed <= this.#bytes.length) return;
    let capacity = 2 * this.#bytes.length;
    while (capacity < needed) capacity *= 2;
    const grown = new Uint8Array(capacity);
    grown.set(this.#bytes.subarray(0, this.length));
    this.#bytes = grown;
  }
}

/** `\u00xx`, six bytes. */
function writeControl(out: Uint8Array, offset: number, byte: number): number {
  let at = offset;
  out[at++] = backslash;
  out[at++] = 0x75;
  out[at++] = 0x30;
  out[at++] = 0x30;
  out[at++] = hexDigits[byte >> 4]!;
  out[at++] = hexDigits[byte & 0xf]!;
  return at;
}
