import { isUtf8 } from 'node:buffer';
import { type ByteSource, isAscii } from './byte-range.js';

/** Whether a range is valid UTF-8: by words while it is ASCII, natively otherwise. */
export function isUtf8Range(source: ByteSource, offset: number, length: number): boolean {
  return isAscii(source, offset, length) || isUtf8(source.bytes.subarray(offset, offset + length));
}

/** Code points of valid UTF-8: the bytes that do not continue another. */
function countCodePoints(bytes: Uint8Array, offset: number, length: number): number {
  let count = 0;
  for (let at = offset; at < offset + length; at++) {
    if ((bytes[at]! & 0xc0) !== 0x80) count++;
  }
  return count;
}

/** Whether a range holds more than `charactersMax` code points. The count is made only for ranges of more bytes. */
export function isLongerThan(bytes: Uint8Array, offset: number, length: number, charactersMax: number): boolean {
  if (length <= charactersMax) return false;
  return length > 4 * charactersMax || countCodePoints(bytes, offset, length) > charactersMax;
}

/** Bytes of the longest prefix with at most `charactersMax` code points. */
export function prefixBytes(bytes: Uint8Array, offset: number, length: number, charactersMax: number): number {
  if (length <= charactersMax) return length;
  let count = 0;
  for (let at = offset; at < offset + length; at++) {
    if ((bytes[at]! & 0xc0) !== 0x80 && ++count > charactersMax) return at - offset;
  }
  return length;
}

const decoder = new TextDecoder('utf-8', { ignoreBOM: true });

/** The text of valid UTF-8, all of it: a leading U+FEFF is a character of an id like any other, and is kept. */
export function decodeUtf8(bytes: Uint8Array): string {
  return decoder.decode(bytes);
}

const nameCharactersMax = 64;

/** A name from a payload (never a value), cut to a length that is sane in an answer. */
export function readName(source: ByteSource, offset: number, length: number): string {
  const text = decodeUtf8(source.bytes.subarray(offset, offset + Math.min(length, 4 * nameCharactersMax)));
  const characters = Array.from(text);
  return characters.length > nameCharactersMax ? `${characters.slice(0, nameCharactersMax).join('')}…` : text;
}
