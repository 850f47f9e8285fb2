import { type ByteSource, copyRange, createByteSource, createTextSource } from '../byte-range.js';
import { prefixBytes } from '../utf8-text.js';
import { SearchedText } from './searched-text.js';
import { isSecretKey } from './secret-name.js';
import { findSecret, lookBackBytesMax } from './secret-scanner.js';
import { mayHoldShortSecret, nextTrigger, tokenBytesMin } from './secret-trigger.js';

/** What stands in place of a secret. */
const mask = '[redacted]';
export const maskSource = createTextSource(mask);
const maskBytes = maskSource.bytes.length;
const codePointBytesMax = 4;

/**
 * Masks secrets in values, and cuts values that are too long: first masked, then cut, so that a cut exposes no half of
 * a secret. The masked text is in `source` from 0 to `length`, valid until the next call. One instance a decoder.
 */
export class SecretMask {
  readonly #text = new SearchedText();
  readonly source: ByteSource;
  length = 0;
  /** Values in which something was masked. */
  count = 0;

  /** `charactersMax`: of the longest value that is kept. */
  constructor(charactersMax: number) {
    const bytesMax = codePointBytesMax * charactersMax + lookBackBytesMax + maskBytes;
    this.source = createByteSource(new ArrayBuffer(bytesMax));
  }

  /**
   * Hot path: once a text. False when the first `charactersMax` characters of it, as far as they are kept, hold no
   * secret. A text without a trigger costs one pass over these bytes.
   */
  masks(source: ByteSource, offset: number, length: number, charactersMax: number): boolean {
    if (length < tokenBytesMin && !mayHoldShortSecret(source, offset, length)) return false;
    const stop = offset + Math.min(length, codePointBytesMax * charactersMax + lookBackBytesMax);
    const trigger = nextTrigger(source.bytes, offset, offset, stop, offset + length);
    return trigger < stop && this.#masksFrom(trigger, source, offset, length, charactersMax);
  }

  #masksFrom(trigger: number, source: ByteSource, offset: number, length: number, charactersMax: number): boolean {
    const text = this.#text;
    const searchedBytesMax = codePointBytesMax * charactersMax + lookBackBytesMax;
    text.bytes = source.bytes;
    text.from = offset;
    text.end = offset + length;
    this.length = 0;
    let at = trigger;
    let stop = Math.min(text.end, offset + searchedBytesMax);
    while (findSecret(text, at, stop)) {
      this.#append(source, text.from, text.secretStart - text.from);
      this.#append(maskSource, 0, maskBytes);
      at = text.secretEnd;
      text.from = at;
      // Every byte that is not masked is one of those kept: farther on nothing is.
      stop = Math.min(text.end, at + searchedBytesMax - this.length);
    }
    if (text.from === offset) return false;
    if (stop > text.from) this.#append(source, text.from, stop - text.from);
    this.length = prefixBytes(this.source.bytes, 0, this.length, charactersMax);
    this.count++;
    return true;
  }

  /** What has no room is not among the characters that are kept: a secret may begin some way behind its trigger. */
  #append(from: ByteSource, offset: number, length: number): void {
    const fits = Math.min(length, this.source.bytes.length - this.length);
    copyRange(from, offset, this.source, this.length, fits);
    this.length += fits;
  }

  /** Whether the key of a map tells that its value is a secret, whatever that looks like. */
  isSecretKey(source: ByteSource, offset: number, length: number): boolean {
    const text = this.#text;
    text.bytes = source.bytes;
    text.from = offset;
    text.end = offset + length;
    return isSecretKey(text);
  }
}
