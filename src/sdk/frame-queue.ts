import type { TidemarkEvent } from './event.js';
import type { EncodedFrame } from './wire.js';

/** A sealed batch: kept until the collector has acknowledged it. */
export interface QueuedFrame {
  readonly encoded: EncodedFrame;
  /** How many events it has. */
  readonly count: number;
  /** Null when nobody asks for them. */
  readonly events: readonly TidemarkEvent[] | null;
  /** 0 until the frame is sent or stored for the first time, then for ever the same. */
  seq: number;
  /** Monotonic time of the first sending, ms. */
  sentMs: number;
  /** A reject names the bad events once, however often the frame is resent. */
  rejected: boolean;
  /** Events that the reject says are not kept. */
  refused: number;
}

/**
 * Frames in the order of their numbers: sent and unacknowledged ones in front, unsent ones behind a cursor.
 * Bounded by its owner, which asks `bytes` and `length` before it pushes.
 */
export class FrameQueue {
  readonly #frames: QueuedFrame[] = [];
  /** Index of the first frame that was not sent on the present connection. */
  #cursor = 0;
  #bytes = 0;
  #events = 0;
  /** Frames that were ever pushed, and ever acknowledged or dropped: what `flush` compares. */
  #pushed = 0;
  #acknowledged = 0;

  get length(): number {
    return this.#frames.length;
  }
  get bytes(): number {
    return this.#bytes;
  }
  get events(): number {
    return this.#events;
  }
  get inFlight(): number {
    return this.#cursor;
  }
  get pushed(): number {
    return this.#pushed;
  }
  get acknowledged(): number {
    return this.#acknowledged;
  }

  push(frame: QueuedFrame): void {
    this.#frames.push(frame);
    this.#pushed += 1;
    this.#bytes += frame.encoded.bytes;
    this.#events += frame.count;
  }

  /** The next frame to send, without moving on. */
  peekUnsent(): QueuedFrame | undefined {
    return this.#frames[this.#cursor];
  }

  /** The one that `peekUnsent` answered. */
  markSent(): void {
    this.#cursor += 1;
  }

  /** Removes the next frame to send, for good; undefined: there is none. */
  dropNext(): QueuedFrame | undefined {
    const [frame] = this.#frames.splice(this.#cursor, 1);
    if (frame === undefined) return undefined;
    this.#bytes -= frame.encoded.bytes;
    this.#events -= frame.count;
    // Nobody need wait for it any more.
    this.#acknowledged += 1;
    return frame;
  }

  /** A new connection: everything that is kept is to be sent again. */
  rewind(): void {
    this.#cursor = 0;
  }

  /** Removes and returns the frames up to and with `seq`; those without a number stay. */
  acknowledge(seq: number): QueuedFrame[] {
    let count = 0;
    for (const frame of this.#frames) {
      if (frame.seq === 0 || frame.seq > seq) break;
      count += 1;
      this.#bytes -= frame.encoded.bytes;
      this.#events -= frame.count;
    }
    this.#acknowledged += count;
    this.#cursor = Math.max(0, this.#cursor - count);
    return this.#frames.splice(0, count);
  }

  find(seq: number): QueuedFrame | undefined {
    return this.#frames.find((frame) => frame.seq === seq);
  }
}
