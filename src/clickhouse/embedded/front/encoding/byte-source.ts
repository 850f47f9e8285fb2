import { ClickHouseException } from '../../clickhouse-exception.js';

/** Bytes of a stream taken by number, however they were cut: copied once, where a number spans chunks. */
export class ByteSource {
  readonly #chunks: AsyncIterator<Uint8Array>;
  #held: Uint8Array[] = [];
  #heldBytes = 0;

  constructor(chunks: AsyncIterable<Uint8Array>) {
    this.#chunks = chunks[Symbol.asyncIterator]();
  }

  /** Null when nothing follows. Throws CANNOT_READ_ALL_DATA when less does. */
  async tryTake(bytes: number): Promise<Buffer | null> {
    while (this.#heldBytes < bytes) {
      const next = await this.#chunks.next();
      if (next.done === true) {
        if (this.#heldBytes === 0) return null;
        throw new ClickHouseException('CANNOT_READ_ALL_DATA', 'Cannot read all data: the compressed body was cut off.');
      }
      this.#held.push(next.value);
      this.#heldBytes += next.value.byteLength;
    }
    const all = this.#held.length === 1 ? toBuffer(this.#held[0]!) : Buffer.concat(this.#held);
    this.#heldBytes -= bytes;
    this.#held = this.#heldBytes === 0 ? [] : [all.subarray(bytes)];
    return all.subarray(0, bytes);
  }

  async take(bytes: number): Promise<Buffer> {
    const taken = await this.tryTake(bytes);
    if (taken !== null) return taken;
    throw new ClickHouseException('CANNOT_READ_ALL_DATA', 'Cannot read all data: the compressed body was cut off.');
  }

  /** Lets go of what the bytes come from. */
  async close(): Promise<void> {
    await this.#chunks.return?.();
  }
}

function toBuffer(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
