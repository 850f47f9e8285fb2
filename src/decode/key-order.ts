import { invariant } from '../core/invariant.js';
import { type ByteSource, createByteSource } from './byte-range.js';

/** A str of up to 31 bytes has a head of one byte: 0xa0 and its length. */
const shortTextTag = 0xa0;
const nameBytesMax = 23;

/**
 * The keys of maps that mostly name the same fields in the same order: each is compared with the one that came behind
 * the key before last time, head and all, eight bytes at a time and without reading its length. What is remembered
 * is only where to look first; a key that is another is looked up.
 *
 * Eight bytes are compared as a double: those of a name are ASCII and so never a NaN, nor a zero, which are the only
 * doubles that are equal to others or not to themselves.
 */
export class KeyOrder {
  /** Of each name its bytes with the head. */
  readonly spans: readonly number[];
  /** Which name came behind this one; behind the last name: which came first. */
  readonly #following: number[];
  /** The first and last eight bytes, those from the ninth on, and the first four. Below eight bytes the last four. */
  readonly #heads: number[];
  readonly #tails: number[];
  readonly #middles: number[];
  readonly #shortHeads: number[];
  readonly #shortTails: number[];
  #before: number;

  /** `names` in the order of their indices. */
  constructor(names: readonly string[]) {
    const keys = names.map(keyOf);
    this.spans = names.map((name) => name.length + 1);
    this.#following = Array.from({ length: names.length + 1 }, (_, index) => (index + 1) % names.length);
    this.#heads = keys.map(({ view }, index) => (this.spans[index]! < 8 ? 0.5 : view.getFloat64(0, true)));
    this.#tails = keys.map(({ view }, index) =>
      this.spans[index]! < 8 ? 0.5 : view.getFloat64(this.spans[index]! - 8, true),
    );
    this.#middles = keys.map(({ view }, index) => (this.spans[index]! <= 16 ? 0.5 : view.getFloat64(8, true)));
    this.#shortHeads = keys.map(({ view }) => view.getInt32(0, true));
    this.#shortTails = keys.map(({ view }, index) => view.getInt32(Math.max(0, this.spans[index]! - 4), true));
    this.#before = names.length;
  }

  /** Before the first key of a map. */
  begin(): void {
    this.#before = this.spans.length;
  }

  /** The name of the key at `at` if it is the one that came here last time, otherwise -1. Hot path: once a key. */
  expected({ view }: ByteSource, at: number, end: number): number {
    const name = this.#following[this.#before]!;
    const span = this.spans[name]!;
    // A value follows, so that a key of three bytes is followed by one at least.
    if (at + span >= end) return -1;
    if (span < 8) {
      if ((view.getInt32(at, true) & headMask(span)) !== this.#shortHeads[name]) return -1;
      if (span > 4 && view.getInt32(at + span - 4, true) !== this.#shortTails[name]) return -1;
    } else {
      if (view.getFloat64(at, true) !== this.#heads[name]) return -1;
      if (view.getFloat64(at + span - 8, true) !== this.#tails[name]) return -1;
      if (span > 16 && view.getFloat64(at + 8, true) !== this.#middles[name]) return -1;
    }
    this.#before = name;
    return name;
  }

  /** The key was another than expected. */
  learn(name: number): void {
    this.#following[this.#before] = name;
    this.#before = name;
  }
}

/** Of the four bytes that a key begins with, those that are its own. */
function headMask(span: number): number {
  return span === 3 ? 0x00ff_ffff : -1;
}

function keyOf(name: string): ByteSource {
  const { length } = name;
  invariant(length >= 2 && length <= nameBytesMax, `name ${name} has 2 to ${nameBytesMax} bytes`);
  const key = createByteSource(new ArrayBuffer(Math.max(4, length + 1)));
  key.bytes[0] = shortTextTag | length;
  for (let at = 0; at < length; at++) key.bytes[at + 1] = name.charCodeAt(at);
  return key;
}
