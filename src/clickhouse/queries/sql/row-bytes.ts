import { CollectorError } from '../../../core/errors.js';

/**
 * SQL of columns as one text: RowBinary, in base64. The engine plans it as one function: the days and minutes of an
 * agent take 0.6 ms of CPU less than as a tuple in JSON, of 6.2, and 0.7 of 9.6 where there are many.
 */
export function rowBytes(...columns: readonly string[]): string {
  return `base64Encode(formatRow('RowBinary', ${columns.join(', ')}))`;
}

/** Bytes that came in base64, read from the first to the last. Little-endian. Throws where there are too few. */
export class ByteReader {
  #bytes = Buffer.allocUnsafeSlow(65_536);
  #view = new DataView(this.#bytes.buffer);
  #length = 0;
  #at = 0;

  /** Its room is used again, and grows with the longest text. */
  decode(base64: string): this {
    if (base64.length > this.#bytes.length) {
      this.#bytes = Buffer.allocUnsafeSlow(2 * base64.length);
      this.#view = new DataView(this.#bytes.buffer);
    }
    this.#length = this.#bytes.write(base64, 'base64');
    this.#at = 0;
    return this;
  }

  get left(): number {
    return this.#length - this.#at;
  }

  uint8(): number {
    return this.#view.getUint8(this.#next(1));
  }

  uint16(): number {
    return this.#view.getUint16(this.#next(2), true);
  }

  uint32(): number {
    return this.#view.getUint32(this.#next(4), true);
  }

  /** Of what is above 2^53 the nearest number. */
  uint64(): number {
    const at = this.#next(8);
    return this.#view.getUint32(at, true) + this.#view.getUint32(at + 4, true) * 2 ** 32;
  }

  float32(): number {
    return this.#view.getFloat32(this.#next(4), true);
  }

  float64(): number {
    return this.#view.getFloat64(this.#next(8), true);
  }

  #next(bytes: number): number {
    const at = this.#at;
    if (at + bytes > this.#length) throw malformed(`${bytes} bytes are read where ${this.left} are left`);
    this.#at = at + bytes;
    return at;
  }
}

/** What the store sent is not what was asked for. */
export function malformed(cause: string): CollectorError {
  return new CollectorError('internal', `cannot read bytes of the store: ${cause}`);
}
