import { invariant } from '../../../core/invariant.js';

/**
 * How the collector sends reads to its engine and gets their results: over a socket that began as HTTP on the
 * collector's own channel, where it said who it is, and was upgraded (`Upgrade: tidemark-reads`). Both sides send
 * frames, any number of statements at once, answers in the order in which they are ready:
 *
 *     u32 LE  bytes of the payload
 *     u32 LE  number of the statement, the collector's; unused again while it is under way
 *     u8      kind
 *     payload
 *
 * | kind | from | payload |
 * | --- | --- | --- |
 * | 1 statement | collector | JSON: `SentStatement` |
 * | 2 cancel | collector | none; an answer may still come |
 * | 3 result | engine | the rows, in the format that was asked for |
 * | 4 exception | engine | JSON: `SentException` |
 *
 * A frame that breaks these rules ends the socket, and with it its statements.
 */
export const frameKinds = { statement: 1, cancel: 2, result: 3, exception: 4 } as const;

export interface SentStatement {
  readonly sql: string;
  readonly format: string;
  readonly database: string;
  /** As in a URL of ClickHouse's HTTP interface: settings by their names, parameters as `param_x`. */
  readonly values: readonly (readonly [string, string])[];
}

export interface SentException {
  readonly code: number;
  readonly type: string;
  readonly message: string;
}

export interface Frame {
  readonly kind: number;
  readonly id: number;
  readonly payload: Buffer;
}

/** What a socket is upgraded to. */
export const readsProtocol = 'tidemark-reads';

const frameHeadBytes = 9;

export function frameHead(kind: number, id: number, payloadBytes: number): Buffer {
  const head = Buffer.allocUnsafe(frameHeadBytes);
  head.writeUInt32LE(payloadBytes, 0);
  head.writeUInt32LE(id, 4);
  head[8] = kind;
  return head;
}

/**
 * Frames out of the bytes of a socket, in chunks of any size. A payload that lies in one chunk is not copied, one over
 * several is copied once.
 */
export class FrameReader {
  readonly #payloadBytesMax: number;
  /** What has come and belongs to no whole frame yet. */
  #chunks: Buffer[] = [];
  #bytes = 0;
  /** Of the next frame, head included, once its head is there. */
  #wantedBytes = frameHeadBytes;

  constructor(payloadBytesMax: number) {
    this.#payloadBytesMax = payloadBytesMax;
  }

  /** Throws RangeError for a payload beyond the limit, before it has come. */
  *read(chunk: Buffer): Generator<Frame> {
    this.#chunks.push(chunk);
    this.#bytes += chunk.length;
    while (this.#bytes >= this.#wantedBytes) {
      const whole = this.#joined();
      const payloadBytes = whole.readUInt32LE(0);
      if (payloadBytes > this.#payloadBytesMax) {
        throw new RangeError(`a frame of ${payloadBytes} bytes: the maximum is ${this.#payloadBytesMax}`);
      }
      const end = frameHeadBytes + payloadBytes;
      if (whole.length < end) {
        this.#wantedBytes = end;
        return;
      }
      const kind = whole[8];
      invariant(kind !== undefined, 'a frame without a kind');
      this.#chunks = whole.length === end ? [] : [whole.subarray(end)];
      this.#bytes = whole.length - end;
      this.#wantedBytes = frameHeadBytes;
      yield { kind, id: whole.readUInt32LE(4), payload: whole.subarray(frameHeadBytes, end) };
    }
  }

  #joined(): Buffer {
    const [only] = this.#chunks;
    const whole = this.#chunks.length === 1 && only !== undefined ? only : Buffer.concat(this.#chunks, this.#bytes);
    this.#chunks = [whole];
    return whole;
  }
}
