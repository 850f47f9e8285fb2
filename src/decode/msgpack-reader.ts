import { epochMs, epochSecondsMin } from '../core/epoch-time.js';
import { type ByteSource, createByteSource } from './byte-range.js';

/**
 * A bounded reader of MessagePack (https://github.com/msgpack/msgpack/blob/master/spec.md) over one frame.
 * It makes no value: every call takes a position and answers the position after what it read, and leaves
 * where a text lies or what a number is in fields of its own. Hot path: several calls an event.
 *
 * Answers below zero are not positions: `malformed` (the bytes end early or hold the unused tag 0xc1)
 * ends the frame; `otherType` means the value is well formed so far but of another type.
 */
export const malformed = -1;
export const otherType = -2;

const nilTag = 0xc0;
const timestampExtension = 0xff;
/** What `timestamp` answers for a timestamp that cannot be a time. */
const nanosecondsMax = 999_999_999;

export class MsgpackReader {
  source: ByteSource = createByteSource(new ArrayBuffer(0));
  bytes: Uint8Array = this.source.bytes;
  view: DataView = this.source.view;
  /** The frame's end: no call reads at or behind it. */
  end = 0;

  /** Where the text lies that `text` has read; it ends where the answered position begins. */
  textOffset = 0;
  /** Entries of the container that `container` has read. */
  count = 0;
  /** Slot 0: the number or time last read; NaN when it cannot be a double without loss. */
  readonly number: [number] = [0.5];

  /** What `skip` met, until `clearMet`. */
  metTooDeep = false;
  metExtension = false;
  readonly #nestingMax: number;
  readonly #pending: Float64Array;

  constructor(nestingMax: number) {
    this.#nestingMax = nestingMax;
    this.#pending = new Float64Array(nestingMax + 2);
  }

  bind(source: ByteSource, end: number): void {
    this.source = source;
    this.bytes = source.bytes;
    this.view = source.view;
    this.end = end;
  }

  clearMet(): void {
    this.metTooDeep = false;
    this.metExtension = false;
  }

  isNil(at: number): boolean {
    return at < this.end && this.bytes[at] === nilTag;
  }

  /** Reads a str. A bin is another type. */
  text(at: number): number {
    if (at >= this.end) return malformed;
    const tag = this.bytes[at]!;
    let offset: number;
    let length: number;
    if (tag >= 0xa0 && tag <= 0xbf) {
      offset = at + 1;
      length = tag & 0x1f;
    } else if (tag === 0xd9) {
      offset = at + 2;
      if (offset > this.end) return malformed;
      length = this.bytes[at + 1]!;
    } else {
      if (tag !== 0xda && tag !== 0xdb) return otherType;
      offset = tag === 0xda ? at + 3 : at + 5;
      if (offset > this.end) return malformed;
      length = tag === 0xda ? this.view.getUint16(at + 1) : this.view.getUint32(at + 1);
    }
    const next = offset + length;
    if (next > this.end) return malformed;
    this.textOffset = offset;
    return next;
  }

  /** Reads any integer or float into `number`. */
  numeric(at: number): number {
    if (at >= this.end) return malformed;
    const tag = this.bytes[at]!;
    if (tag < 0x80) {
      this.number[0] = tag;
      return at + 1;
    }
    if (tag >= 0xe0) {
      this.number[0] = tag - 0x100;
      return at + 1;
    }
    if (tag < 0xca || tag > 0xd3) return otherType;
    const next = at + 1 + numberBytes[tag - 0xca]!;
    if (next > this.end) return malformed;
    this.number[0] = this.#number(tag, at + 1);
    return next;
  }

  #number(tag: number, at: number): number {
    const view = this.view;
    switch (tag) {
      case 0xca:
        return asWritten(view.getFloat32(at));
      case 0xcb:
        return view.getFloat64(at);
      case 0xcc:
        return this.bytes[at]!;
      case 0xcd:
        return view.getUint16(at);
      case 0xce:
        return view.getUint32(at);
      case 0xcf:
        return exact(view.getUint32(at), view.getUint32(at + 4));
      case 0xd0:
        return view.getInt8(at);
      case 0xd1:
        return view.getInt16(at);
      case 0xd2:
        return view.getInt32(at);
      default:
        return exact(view.getInt32(at), view.getUint32(at + 4));
    }
  }

  /**
   * Milliseconds of the 64-bit integer at `at` as nanoseconds since the epoch, exactly, when `number` cannot hold it;
   * NaN for any other number. 2^32 is 4,294 million and 967,296, so that no product here reaches 2^53.
   */
  wideNanosecondsMs(at: number): number {
    const tag = this.bytes[at]!;
    if (tag !== 0xcf && tag !== 0xd3) return Number.NaN;
    const high = tag === 0xcf ? this.view.getUint32(at + 1) : this.view.getInt32(at + 1);
    const low = this.view.getUint32(at + 5);
    const nanoseconds = high * 0x1_0000_0000 + low;
    if (Number.isNaN(epochMs(nanoseconds))) return Number.NaN;
    if (nanoseconds < 1e9 * epochSecondsMin) return epochMs(nanoseconds);
    return high * 4_294 + Math.floor((high * 967_296 + low) / 1e6);
  }

  /** Reads the header of an array. */
  array(at: number): number {
    return this.#container(at, 0x90, 0x0f, 0xdc);
  }

  /** Reads the header of a map; `count` is its pairs. */
  map(at: number): number {
    return this.#container(at, 0x80, 0x0f, 0xde);
  }

  #container(at: number, fixTag: number, fixMask: number, tag16: number): number {
    if (at >= this.end) return malformed;
    const tag = this.bytes[at]!;
    if ((tag & 0xf0) === fixTag) {
      this.count = tag & fixMask;
      return at + 1;
    }
    if (tag !== tag16 && tag !== tag16 + 1) return otherType;
    const next = tag === tag16 ? at + 3 : at + 5;
    if (next > this.end) return malformed;
    this.count = tag === tag16 ? this.view.getUint16(at + 1) : this.view.getUint32(at + 1);
    return next;
  }

  /** Reads a timestamp extension (type -1) of 4, 8 or 12 bytes into `number`, as ms; NaN when it is no valid time. */
  timestamp(at: number): number {
    if (at >= this.end) return malformed;
    const { bytes, view } = this;
    const tag = bytes[at]!;
    const next = tag === 0xd6 ? at + 6 : tag === 0xd7 ? at + 10 : tag === 0xc7 ? at + 15 : otherType;
    if (next === otherType) return otherType;
    const isLong = tag === 0xc7;
    if (isLong && bytes[at + 1] !== 12) return otherType;
    if (next > this.end) return malformed;
    if (bytes[isLong ? at + 2 : at + 1] !== timestampExtension) return otherType;
    let seconds = 0;
    let nanoseconds = 0;
    if (tag === 0xd6) {
      seconds = view.getUint32(at + 2);
    } else if (tag === 0xd7) {
      const high = view.getUint32(at + 2);
      nanoseconds = high >>> 2;
      seconds = (high & 3) * 0x1_0000_0000 + view.getUint32(at + 6);
    } else {
      nanoseconds = view.getUint32(at + 3);
      seconds = exact(view.getInt32(at + 7), view.getUint32(at + 11));
    }
    this.number[0] = nanoseconds > nanosecondsMax ? Number.NaN : seconds * 1_000 + Math.floor(nanoseconds / 1e6);
    return next;
  }

  /**
   * Position after the value at `at`, whatever it is, in time linear in its bytes and without recursion.
   * `depth`: containers that are open around it. Notes extensions but timestamps, and containers deeper than allowed;
   * below that depth only the number of values still to come is kept.
   */
  skip(at: number, depth: number): number {
    const { bytes, end } = this;
    const pending = this.#pending;
    let open = 0;
    let remaining = 1;
    let position = at;
    for (;;) {
      while (remaining === 0) {
        if (open === 0) return position;
        remaining = pending[--open]!;
      }
      if (remaining > end - position) return malformed;
      remaining--;
      const tag = bytes[position]!;
      if (tag < 0x80 || tag >= 0xe0) {
        position++;
      } else if (tag >= 0xa0 && tag <= 0xbf) {
        position += 1 + (tag & 0x1f);
      } else if (tag < 0xa0 || tag >= 0xdc) {
        position = this.#containerHeader(position, tag);
        if (position < 0) return malformed;
        if (depth + open >= this.#nestingMax) {
          this.metTooDeep = true;
          remaining += this.count;
        } else {
          pending[open++] = remaining;
          remaining = this.count;
        }
      } else {
        position = this.#afterScalar(position, tag);
      }
      if (position < 0 || position > end) return malformed;
    }
  }

  /** Header of any container; `count` is the values inside, two for each pair of a map. */
  #containerHeader(at: number, tag: number): number {
    const isMap = tag < 0x90 || tag >= 0xde;
    const next = isMap ? this.map(at) : this.array(at);
    if (isMap) this.count *= 2;
    return next;
  }

  /** Position after a scalar, text, bin or extension with this tag; may lie behind the end. */
  #afterScalar(at: number, tag: number): number {
    const { view, end } = this;
    if (tag === 0xc1) return malformed;
    if (tag <= 0xc3) return at + 1;
    if (tag >= 0xca && tag <= 0xd3) return at + 1 + numberBytes[tag - 0xca]!;
    if (tag >= 0xd4 && tag <= 0xd8) {
      if (this.timestamp(at) === otherType) this.metExtension = true;
      return at + 2 + (1 << (tag - 0xd4));
    }
    const isExtension = tag >= 0xc7 && tag <= 0xc9;
    if (isExtension && this.timestamp(at) === otherType) this.metExtension = true;
    // bin 8, 16, 32 = c4…c6, ext 8, 16, 32 = c7…c9, str 8, 16, 32 = d9…db: all carry a length of 1, 2 or 4 bytes.
    const width = tag >= 0xd9 ? tag - 0xd9 : (tag - 0xc4) % 3;
    const body = at + 1 + (1 << width) + (isExtension ? 1 : 0);
    if (body > end) return malformed;
    const length = width === 0 ? view.getUint8(at + 1) : width === 1 ? view.getUint16(at + 1) : view.getUint32(at + 1);
    return body + length;
  }
}

/** Bytes behind the tags ca (float 32) … d3 (int 64). */
const numberBytes: readonly number[] = [4, 8, 1, 2, 4, 8, 1, 2, 4, 8];

/** Decimal digits that a float 32 always keeps, and those that always tell it from its neighbours. */
const float32DigitsKept = 6;
const float32DigitsMax = 9;

/**
 * A float 32 as the shortest decimal that is it: who sends 0.8 in four bytes gets 0.8 back, not 0.800000011920929.
 * Clients send doubles, so that few frames come here.
 */
function asWritten(value: number): number {
  if (Number.isInteger(value) || !Number.isFinite(value)) return value;
  for (let digits = float32DigitsKept; digits < float32DigitsMax; digits++) {
    const written = Number(value.toPrecision(digits));
    if (Math.fround(written) === value) return written;
  }
  return Number(value.toPrecision(float32DigitsMax));
}

/** A 64-bit integer as a double, NaN when it is not between -(2^53 - 1) and 2^53 - 1. */
function exact(high: number, low: number): number {
  const value = high * 0x1_0000_0000 + low;
  return Number.isSafeInteger(value) ? value : Number.NaN;
}
