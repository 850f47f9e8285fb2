import { type ByteSource, shortWord } from './byte-range.js';

/**
 * A 64-bit hash of a range. MurmurHash3 in the manner of its x86 variants (Austin Appleby, public domain): two 32-bit
 * lanes with constants of their own over words of four bytes, mixed with each other at the end. Among 10^7 ids the
 * chance of any collision is 3 in 10^6.
 */
export const wide = { low: 0, high: 0 };

/** Hot path: once an id. The answer is left in `wide`, since a returned pair would be an object an event. */
export function hashWide(source: ByteSource, offset: number, length: number, seedOne: number, seedTwo: number): void {
  let one = seedOne ^ length;
  let two = seedTwo ^ length;
  const words = length >> 2;
  for (let word = 0; word < words; word++) {
    const value = source.view.getInt32(offset + 4 * word, true);
    one = laneOne(one, value);
    two = laneTwo(two, value);
  }
  const rest = length & 3;
  if (rest > 0) {
    const value = shortWord(source, offset + length - rest, rest);
    one = laneOne(one, value);
    two = laneTwo(two, value);
  }
  one = (one + two) | 0;
  two = (two + one) | 0;
  one = finish(one);
  two = finish(two);
  wide.low = (one + two) | 0;
  wide.high = (two + wide.low) | 0;
}

function laneOne(hash: number, word: number): number {
  let mixed = Math.imul(word, 0x239b961b);
  mixed = (mixed << 15) | (mixed >>> 17);
  const state = hash ^ Math.imul(mixed, 0xab0e9789);
  return (Math.imul((state << 19) | (state >>> 13), 5) + 0x561ccd1b) | 0;
}

function laneTwo(hash: number, word: number): number {
  let mixed = Math.imul(word, 0x38b34ae5);
  mixed = (mixed << 17) | (mixed >>> 15);
  const state = hash ^ Math.imul(mixed, 0xa1e38b93);
  return (Math.imul((state << 15) | (state >>> 17), 5) + 0x96cd1c35) | 0;
}

function finish(hash: number): number {
  let mixed = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  mixed = Math.imul(mixed ^ (mixed >>> 13), 0xc2b2ae35);
  return mixed ^ (mixed >>> 16);
}
