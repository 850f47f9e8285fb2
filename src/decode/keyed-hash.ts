import { randomFillSync } from 'node:crypto';
import { type ByteSource, shortWord } from './byte-range.js';

/** Of this thread alone, and told to nobody: what nobody knows, nobody can choose texts by. */
const [key0, key1] = randomFillSync(new Int32Array(2)) as unknown as readonly [number, number];

let v0 = 0;
let v1 = 0;
let v2 = 0;
let v3 = 0;

/**
 * A 32-bit hash under a secret key: HalfSipHash-1-3 (J.-P. Aumasson, D. J. Bernstein, "SipHash: a fast short-input
 * PRF"). Texts that share `hashRange` can be written down by hand, ten thousand of them in a frame; such texts share
 * this hash no more than any others. It costs several times as much.
 */
export function keyedHash(source: ByteSource, offset: number, length: number): number {
  v0 = key0;
  v1 = key1;
  v2 = 0x6c796765 ^ key0;
  v3 = 0x74656462 ^ key1;
  const rest = length & 3;
  const end = offset + length - rest;
  for (let at = offset; at < end; at += 4) compress(source.view.getInt32(at, true));
  compress(shortWord(source, end, rest) | (length << 24));
  v2 ^= 0xff;
  round();
  round();
  round();
  return v1 ^ v3;
}

function compress(word: number): void {
  v3 ^= word;
  round();
  v0 ^= word;
}

function round(): void {
  v0 = (v0 + v1) | 0;
  v1 = ((v1 << 5) | (v1 >>> 27)) ^ v0;
  v0 = (v0 << 16) | (v0 >>> 16);
  v2 = (v2 + v3) | 0;
  v3 = ((v3 << 8) | (v3 >>> 24)) ^ v2;
  v0 = (v0 + v3) | 0;
  v3 = ((v3 << 7) | (v3 >>> 25)) ^ v0;
  v2 = (v2 + v1) | 0;
  v1 = ((v1 << 13) | (v1 >>> 19)) ^ v2;
  v2 = (v2 << 16) | (v2 >>> 16);
}
