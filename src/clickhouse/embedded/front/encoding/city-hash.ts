/**
 * CityHash128 of version 1.0.2, which ClickHouse keeps for the checksums of its compressed blocks (`block-framing.ts`):
 * later versions give other values, and what the registry has are later ones or other hashes of the family. Answers 16
 * bytes, as the block has them.
 *
 * In BigInt, each operation cut to 64 bits by itself, so that V8 computes in machine words: twice as fast as where only
 * their results are (`bench/micro/compression.ts`).
 */
export function cityHash128(bytes: Uint8Array): Buffer {
  const words = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const { byteLength } = bytes;
  if (byteLength >= 16) {
    const seed = { low: words.getBigUint64(0, true) ^ k3, high: words.getBigUint64(8, true) };
    return byteLength - 16 < 128 ? hashShort(words, 16, seed) : hashLong(words, seed);
  }
  if (byteLength >= 8) {
    const low = words.getBigUint64(0, true) ^ BigInt.asUintN(64, BigInt(byteLength) * k0);
    return hashShort(words, byteLength, { low, high: words.getBigUint64(byteLength - 8, true) ^ k1 });
  }
  return hashShort(words, 0, { low: k0, high: k1 });
}

interface Pair {
  readonly low: bigint;
  readonly high: bigint;
}

const k0 = 0xc3a5c85c97cb3127n;
const k1 = 0xb492b66fbe98f273n;
const k2 = 0x9ae16a3b2f90404fn;
const k3 = 0xc949d7c7509e6557n;
const kMul = 0x9ddfea08eb382d69n;

/** Of 128 bytes and more behind a seed of 16: the state are seven words, 64 bytes go into it at a time, in pairs. */
function hashLong(words: DataView, seed: Pair): Buffer {
  const word = (at: number) => words.getBigUint64(at, true);
  let at = 16;
  let left = words.byteLength - at;
  let x = seed.low;
  let y = seed.high;
  let z = BigInt.asUintN(64, BigInt(left) * k1);
  let vLow = BigInt.asUintN(64, product(rotated(y ^ k1, 49n), k1) + word(at));
  let vHigh = BigInt.asUintN(64, product(rotated(vLow, 42n), k1) + word(at + 8));
  let wLow = BigInt.asUintN(64, product(rotated(BigInt.asUintN(64, y + z), 35n), k1) + x);
  let wHigh = product(rotated(BigInt.asUintN(64, x + word(at + 88)), 53n), k1);
  for (; left >= 128; left -= 128) {
    for (const end = at + 128; at < end; at += 64) {
      x = product(rotated(BigInt.asUintN(64, x + y + vLow + word(at + 16)), 37n), k1) ^ wHigh;
      y = product(rotated(BigInt.asUintN(64, y + vHigh + word(at + 48)), 42n), k1) ^ vLow;
      const turned = rotated(z ^ wLow, 33n);
      let low = BigInt.asUintN(64, product(vHigh, k1) + word(at));
      let high = rotated(BigInt.asUintN(64, x + wLow + low + word(at + 24)), 21n);
      let sum = BigInt.asUintN(64, low + word(at + 8) + word(at + 16));
      vLow = BigInt.asUintN(64, sum + word(at + 24));
      vHigh = BigInt.asUintN(64, high + rotated(sum, 44n) + low);
      low = BigInt.asUintN(64, turned + wHigh + word(at + 32));
      high = rotated(BigInt.asUintN(64, y + low + word(at + 56)), 21n);
      sum = BigInt.asUintN(64, low + word(at + 40) + word(at + 48));
      wLow = BigInt.asUintN(64, sum + word(at + 56));
      wHigh = BigInt.asUintN(64, high + rotated(sum, 44n) + low);
      z = x;
      x = turned;
    }
  }
  y = BigInt.asUintN(64, y + product(rotated(wLow, 37n), k0) + z);
  x = BigInt.asUintN(64, x + product(rotated(BigInt.asUintN(64, vLow + z), 49n), k0));
  // What is left, from its end, 32 bytes at a time: the last of them may reach back into what was read.
  for (let done = 32; done - 32 < left; done += 32) {
    const from = at + left - done;
    y = BigInt.asUintN(64, product(rotated(BigInt.asUintN(64, y - x), 42n), k0) + vHigh);
    wLow = BigInt.asUintN(64, wLow + word(from + 16));
    x = BigInt.asUintN(64, product(rotated(x, 49n), k0) + wLow);
    wLow = BigInt.asUintN(64, wLow + vLow);
    const low = BigInt.asUintN(64, vLow + word(from));
    const high = rotated(BigInt.asUintN(64, vHigh + low + word(from + 24)), 21n);
    const sum = BigInt.asUintN(64, low + word(from + 8) + word(from + 16));
    vLow = BigInt.asUintN(64, sum + word(from + 24));
    vHigh = BigInt.asUintN(64, high + rotated(sum, 44n) + low);
  }
  x = folded(x, vLow);
  y = folded(y, wLow);
  return written({
    low: BigInt.asUintN(64, folded(BigInt.asUintN(64, x + vHigh), wHigh) + y),
    high: folded(BigInt.asUintN(64, x + wHigh), BigInt.asUintN(64, y + vHigh)),
  });
}

/** Of fewer than 128 bytes, which begin at `start`. */
function hashShort(words: DataView, start: number, { low, high }: Pair): Buffer {
  const word = (at: number) => words.getBigUint64(at, true);
  const bytes = words.byteLength - start;
  let [a, b, c, d] = [low, high, 0n, 0n];
  if (bytes <= 16) {
    a = product(shifted(product(a, k1)), k1);
    c = BigInt.asUintN(64, product(b, k1) + hashFew(words, start));
    d = shifted(BigInt.asUintN(64, a + (bytes >= 8 ? word(start) : c)));
  } else {
    c = folded(BigInt.asUintN(64, word(words.byteLength - 8) + k1), a);
    d = folded(BigInt.asUintN(64, b + BigInt(bytes)), BigInt.asUintN(64, c + word(words.byteLength - 16)));
    a = BigInt.asUintN(64, a + d);
    for (let at = start, left = bytes - 16; left > 0; left -= 16, at += 16) {
      a = product(a ^ product(shifted(product(word(at), k1)), k1), k1);
      b ^= a;
      c = product(c ^ product(shifted(product(word(at + 8), k1)), k1), k1);
      d ^= c;
    }
  }
  a = folded(a, c);
  b = folded(d, b);
  return written({ low: a ^ b, high: folded(b, a) });
}

/** A word of at most 16 bytes. */
function hashFew(words: DataView, start: number): bigint {
  const end = words.byteLength;
  const bytes = end - start;
  if (bytes > 8) {
    const last = words.getBigUint64(end - 8, true);
    const turned = rotated(BigInt.asUintN(64, last + BigInt(bytes)), BigInt(bytes));
    return folded(words.getBigUint64(start, true), turned) ^ last;
  }
  if (bytes >= 4) {
    const first = BigInt(words.getUint32(start, true)) << 3n;
    return folded(BigInt(bytes) + first, BigInt(words.getUint32(end - 4, true)));
  }
  if (bytes === 0) return k2;
  const middle = words.getUint8(start + (bytes >> 1));
  const y = BigInt(words.getUint8(start) + (middle << 8));
  const z = BigInt(bytes + (words.getUint8(end - 1) << 2));
  return product(shifted(product(y, k2) ^ product(z, k3)), k2);
}

function rotated(word: bigint, bits: bigint): bigint {
  return BigInt.asUintN(64, BigInt.asUintN(64, word >> bits) | BigInt.asUintN(64, word << (64n - bits)));
}

function product(word: bigint, factor: bigint): bigint {
  return BigInt.asUintN(64, word * factor);
}

function shifted(word: bigint): bigint {
  return word ^ (word >> 47n);
}

/** Two words into one. */
function folded(low: bigint, high: bigint): bigint {
  const once = shifted(product(low ^ high, kMul));
  return product(shifted(product(high ^ once, kMul)), kMul);
}

function written({ low, high }: Pair): Buffer {
  const hash = Buffer.allocUnsafe(16);
  hash.writeBigUInt64LE(low, 0);
  hash.writeBigUInt64LE(high, 8);
  return hash;
}
