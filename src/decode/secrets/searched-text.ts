import { byteClasses, bytesOf, classes } from './byte-classes.js';

/**
 * The text that is searched for secrets, and the one found last. One instance a thread, reused for every text, so that
 * the search makes no objects. Positions are those of the buffer; what lies outside `from` to `end` reads as 0.
 */
export class SearchedText {
  bytes: Uint8Array = new Uint8Array(0);
  /** Nothing before it is looked at: it is masked already, or not of this text. */
  from = 0;
  end = 0;
  secretStart = 0;
  secretEnd = 0;
  /** Where the end of a telling name begins that was found last. */
  nameStart = 0;

  /** Notes the place of a secret; always true, so that a shape can answer with it. */
  found(start: number, end: number): true {
    this.secretStart = start;
    this.secretEnd = end;
    return true;
  }

  byteAt(at: number): number {
    return at >= this.from && at < this.end ? this.bytes[at]! : 0;
  }

  is(at: number, alphabet: number): boolean {
    return (byteClasses[this.byteAt(at)]! & alphabet) !== 0;
  }

  /** End of the run of an alphabet that begins at `at`. */
  runEnd(at: number, alphabet: number, end = this.end): number {
    const { bytes } = this;
    let next = at;
    while (next < end && (byteClasses[bytes[next]!]! & alphabet) !== 0) next++;
    return next;
  }

  /** End of the run of one byte that begins at `at`. */
  endOf(at: number, byte: number): number {
    let next = at;
    while (this.byteAt(next) === byte) next++;
    return next;
  }

  /** Start of the run of an alphabet that ends before `at`, looked for over `lengthMax` bytes. */
  runStart(at: number, alphabet: number, lengthMax: number): number {
    const { bytes } = this;
    const first = Math.max(this.from, at - lengthMax);
    let start = at;
    while (start > first && (byteClasses[bytes[start - 1]!]! & alphabet) !== 0) start--;
    return start;
  }

  holds(at: number, literal: readonly number[]): boolean {
    if (at < this.from || at + literal.length > this.end) return false;
    for (let index = 0; index < literal.length; index++) {
      if (this.bytes[at + index] !== literal[index]) return false;
    }
    return true;
  }

  /** The same for letters of either case; the literal is in lower case. */
  holdsFolded(at: number, literal: readonly number[]): boolean {
    if (at < this.from || at + literal.length > this.end) return false;
    for (let index = 0; index < literal.length; index++) {
      if (foldByte(this.bytes[at + index]!) !== literal[index]) return false;
    }
    return true;
  }

  /** Whether a key may begin here: not within a word, unless an escape (`\n`, `%3D`, `\u0022`) ends before it. */
  startsWord(at: number, within: number = classes.alphanumeric): boolean {
    if (!this.is(at - 1, within)) return true;
    if (this.byteAt(at - 2) === bytesOf.backslash || this.byteAt(at - 3) === bytesOf.percent) return true;
    return this.byteAt(at - 6) === bytesOf.backslash && foldByte(this.byteAt(at - 5)) === 0x75;
  }

  /** A short part as text, for rare decisions. */
  text(start: number, end: number): string {
    let text = '';
    for (let at = start; at < end; at++) text += String.fromCharCode(this.bytes[at]!);
    return text;
  }
}

/** A capital letter as a small one, anything else as it is. */
export function foldByte(byte: number): number {
  return byte >= 0x41 && byte <= 0x5a ? byte | 0x20 : byte;
}

export function literalBytes(text: string): readonly number[] {
  return Array.from(text, (character) => character.charCodeAt(0));
}
