import { Buffer } from 'node:buffer';
import { type ByteSource, createTextSource } from './byte-range.js';
import { mask, maskSecrets, mayHoldSecret } from './secrets.js';
import { prefixBytes, wholeCodePoints } from './utf8-text.js';

export interface MaskedText {
  readonly source: ByteSource;
  readonly offset: number;
  readonly length: number;
  readonly masked: boolean;
}

/**
 * A text that is to be cut is searched this far only; behind it nothing can reach the first 500 characters
 * unless masks take away most of it, and then the last word, perhaps half a secret, is dropped.
 */
const searchedBytesMax = 8_192;

/** Masks secrets in free text and cuts it: first masked, then cut, so that a cut exposes no half of a secret. */
export class SecretMask {
  /** `charactersMax`: code points to keep, or Infinity. The answer is valid until the next call. */
  apply(source: ByteSource, offset: number, length: number, charactersMax: number): MaskedText {
    const cuts = Number.isFinite(charactersMax);
    const isLong = cuts && length > searchedBytesMax;
    const searched = isLong ? wholeCodePoints(source.bytes, offset, searchedBytesMax) : length;
    if (!mayHoldSecret(source.bytes, offset, searched)) {
      return { source, offset, length: prefixBytes(source.bytes, offset, searched, charactersMax), masked: false };
    }
    const text = Buffer.from(source.bytes.buffer, source.bytes.byteOffset + offset, searched).toString('utf8');
    const found = maskSecrets(text);
    if (found === text) {
      return { source, offset, length: prefixBytes(source.bytes, offset, searched, charactersMax), masked: false };
    }
    const kept = isLong && !found.endsWith(mask) ? found.replace(/\S{1,8192}$/u, '') : found;
    const encoded = createTextSource(kept);
    const size = encoded.bytes.length;
    return { source: encoded, offset: 0, length: prefixBytes(encoded.bytes, 0, size, charactersMax), masked: true };
  }
}
