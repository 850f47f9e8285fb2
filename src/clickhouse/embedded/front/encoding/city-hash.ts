/**
 * CityHash128 of version 1.0.2, which ClickHouse keeps for the checksums of its compressed blocks (`block-framing.ts`):
 * later versions give other values, and what the registry has are later ones or other hashes of the family. Answers 16
 * bytes, as the block has them.
 *
 * A word of 64 bits is two numbers of 32 in `registers`, named by the place of its lower half. No BigInt: V8 of Node 20
 * can end the process while it compiles a loop over BigInts of 64 bits, and takes longer over them
 * (`bench/micro/compression.ts`).
 */
export function cityHash128(bytes: Uint8Array): Buffer {
  const words = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const { byteLength } = bytes;
  if (byteLength >= 16) {
    xor(load(A, words, 0), K3);
    load(B, words, 8);
    if (byteLength - 16 < 128) hashShort(words, 16);
    else hashLong(words);
  } else if (byteLength >= 8) {
    xorWord(multiply(setNumber(A, byteLength), K0), words, 0);
    xor(load(B, words, byteLength - 8), K1);
    hashShort(words, byteLength);
  } else {
    set(A, K0);
    set(B, K1);
    hashShort(words, 0);
  }
  const hash = Buffer.allocUnsafe(16);
  for (let half = 0; half < 4; half++) hash.writeInt32LE(registers[A + half]!, 4 * half);
  return hash;
}

/** The constants of the hash, upper half first. */
const constants: readonly (readonly [number, number])[] = [
  [0xc3a5c85c, 0x97cb3127],
  [0xb492b66f, 0xbe98f273],
  [0x9ae16a3b, 0x2f90404f],
  [0xc949d7c7, 0x509e6557],
  [0x9ddfea08, 0xeb382d69],
];
const [K0, K1, K2, K3, K_MUL] = [0, 2, 4, 6, 8] as const;
/** The seed and, in the end, the hash; two words more of short input; two that a step needs. */
const [A, B, C, D, S, T] = [10, 12, 14, 16, 18, 20] as const;
/** The state over long input, of which x and y are what A and B were. */
const [X, Y, Z, V_LOW, V_HIGH, W_LOW, W_HIGH] = [A, B, 22, 24, 26, 28, 30] as const;
/** What `fold` works with. */
const F = 32;

const registers = new Int32Array(34);
registers.set(constants.flatMap(([upper, lower]) => [lower, upper]));

/** Of 128 bytes and more behind a seed of 16: the state are seven words, 64 bytes go into it at a time, in pairs. */
function hashLong(words: DataView): void {
  let at = 16;
  let left = words.byteLength - at;
  startLong(words, at);
  for (; left >= 128; left -= 128) {
    for (const end = at + 128; at < end; at += 64) {
      xor(multiply(rotate(addWord(add(add(X, Y), V_LOW), words, at + 16), 37), K1), W_HIGH);
      xor(multiply(rotate(addWord(add(Y, V_HIGH), words, at + 48), 42), K1), V_LOW);
      rotate(xor(Z, W_LOW), 33);
      multiply(V_HIGH, K1);
      set(V_LOW, V_HIGH);
      add(set(V_HIGH, X), W_LOW);
      hashHalf(V_LOW, words, at);
      add(set(W_LOW, Z), W_HIGH);
      set(W_HIGH, Y);
      hashHalf(W_LOW, words, at + 32);
      set(T, Z);
      set(Z, X);
      set(X, T);
    }
  }
  multiply(rotate(set(T, W_LOW), 37), K0);
  add(add(Y, T), Z);
  multiply(rotate(add(set(T, V_LOW), Z), 49), K0);
  add(X, T);
  // What is left, from its end, 32 bytes at a time: the last of them may reach back into what was read.
  for (let done = 32; done - 32 < left; done += 32) {
    const from = at + left - done;
    add(multiply(rotate(subtract(Y, X), 42), K0), V_HIGH);
    addWord(W_LOW, words, from + 16);
    add(multiply(rotate(X, 49), K0), W_LOW);
    add(W_LOW, V_LOW);
    hashHalf(V_LOW, words, from);
  }
  fold(X, V_LOW);
  fold(Y, W_LOW);
  endLong();
}

function startLong(words: DataView, at: number): void {
  multiply(setNumber(Z, words.byteLength - at), K1);
  addWord(multiply(rotate(xor(set(V_LOW, Y), K1), 49), K1), words, at);
  addWord(multiply(rotate(set(V_HIGH, V_LOW), 42), K1), words, at + 8);
  add(multiply(rotate(add(set(W_LOW, Y), Z), 35), K1), X);
  multiply(rotate(addWord(set(W_HIGH, X), words, at + 88), 53), K1);
}

/** Hash from `x`, folded with `vLow`, and `y`, folded with `wLow`, into A and B. */
function endLong(): void {
  fold(add(set(S, X), V_HIGH), W_HIGH);
  add(S, Y);
  add(set(T, X), W_HIGH);
  fold(T, add(set(C, Y), V_HIGH));
  set(A, S);
  set(B, T);
}

/** 32 bytes into the word at `low` and the one behind it. */
function hashHalf(low: number, words: DataView, at: number): void {
  const high = low + 2;
  addWord(low, words, at);
  rotate(addWord(add(high, low), words, at + 24), 21);
  addWord(addWord(set(S, low), words, at + 8), words, at + 16);
  add(high, low);
  addWord(set(low, S), words, at + 24);
  add(high, rotate(S, 44));
}

/** Of fewer than 128 bytes, which begin at `start`. */
function hashShort(words: DataView, start: number): void {
  const bytes = words.byteLength - start;
  if (bytes <= 16) {
    multiply(shift(multiply(A, K1)), K1);
    hashFew(C, words, start);
    add(C, multiply(set(T, B), K1));
    if (bytes >= 8) load(D, words, start);
    else set(D, C);
    shift(add(D, A));
  } else {
    fold(add(load(C, words, words.byteLength - 8), K1), A);
    add(setNumber(D, bytes), B);
    fold(D, addWord(set(T, C), words, words.byteLength - 16));
    add(A, D);
    for (let at = start, left = bytes - 16; left > 0; left -= 16, at += 16) {
      multiply(xor(A, multiply(shift(multiply(load(T, words, at), K1)), K1)), K1);
      xor(B, A);
      multiply(xor(C, multiply(shift(multiply(load(T, words, at + 8), K1)), K1)), K1);
      xor(D, C);
    }
  }
  fold(A, C);
  fold(D, B);
  set(B, D);
  fold(B, A);
  xor(A, D);
}

/** A word of at most 16 bytes. */
function hashFew(to: number, words: DataView, start: number): void {
  const end = words.byteLength;
  const bytes = end - start;
  if (bytes > 8) {
    rotate(add(load(S, words, end - 8), setNumber(T, bytes)), bytes);
    xorWord(fold(load(to, words, start), S), words, end - 8);
  } else if (bytes >= 4) {
    setNumber(to, bytes + 8 * words.getUint32(start, true));
    fold(to, setNumber(S, words.getUint32(end - 4, true)));
  } else if (bytes === 0) {
    set(to, K2);
  } else {
    setNumber(to, words.getUint8(start) + (words.getUint8(start + (bytes >> 1)) << 8));
    multiply(setNumber(S, bytes + (words.getUint8(end - 1) << 2)), K3);
    multiply(shift(xor(multiply(to, K2), S)), K2);
  }
}

// The operations: into the word at `to`, which they answer.

/** Two words into one. */
function fold(to: number, other: number): number {
  shift(multiply(xor(set(F, to), other), K_MUL));
  return set(to, multiply(shift(multiply(xor(F, other), K_MUL)), K_MUL));
}

function set(to: number, from: number): number {
  registers[to] = registers[from]!;
  registers[to + 1] = registers[from + 1]!;
  return to;
}

/** `value` is an integer from 0 to 2^53. */
function setNumber(to: number, value: number): number {
  registers[to] = value;
  registers[to + 1] = value / 0x1_0000_0000;
  return to;
}

function load(to: number, words: DataView, at: number): number {
  registers[to] = words.getInt32(at, true);
  registers[to + 1] = words.getInt32(at + 4, true);
  return to;
}

function add(to: number, from: number): number {
  return addHalves(to, registers[from]!, registers[from + 1]!);
}

function addWord(to: number, words: DataView, at: number): number {
  return addHalves(to, words.getInt32(at, true), words.getInt32(at + 4, true));
}

function addHalves(to: number, lower: number, upper: number): number {
  const sum = (registers[to]! + lower) | 0;
  const carry = sum >>> 0 < lower >>> 0 ? 1 : 0;
  registers[to] = sum;
  registers[to + 1] = registers[to + 1]! + upper + carry;
  return to;
}

function subtract(to: number, from: number): number {
  const lower = registers[to]!;
  const borrow = lower >>> 0 < registers[from]! >>> 0 ? 1 : 0;
  registers[to] = lower - registers[from]!;
  registers[to + 1] = registers[to + 1]! - registers[from + 1]! - borrow;
  return to;
}

function xor(to: number, from: number): number {
  registers[to] = registers[to]! ^ registers[from]!;
  registers[to + 1] = registers[to + 1]! ^ registers[from + 1]!;
  return to;
}

function xorWord(to: number, words: DataView, at: number): number {
  registers[to] = registers[to]! ^ words.getInt32(at, true);
  registers[to + 1] = registers[to + 1]! ^ words.getInt32(at + 4, true);
  return to;
}

/** The lower 64 bits of the product: of the lower halves by 16 bits at a time, as no number holds 64. */
function multiply(to: number, factor: number): number {
  const [a, b] = [registers[to]!, registers[factor]!];
  const [aLow, aHigh, bLow, bHigh] = [a & 0xffff, a >>> 16, b & 0xffff, b >>> 16];
  const low = Math.imul(aLow, bLow);
  const middle = Math.imul(aHigh, bLow) + (low >>> 16);
  const other = Math.imul(aLow, bHigh) + (middle & 0xffff);
  const upper = Math.imul(aHigh, bHigh) + (middle >>> 16) + (other >>> 16);
  registers[to + 1] = upper + Math.imul(a, registers[factor + 1]!) + Math.imul(registers[to + 1]!, b);
  registers[to] = (other << 16) | (low & 0xffff);
  return to;
}

/** To the right, by 1 to 63 bits but 32. */
function rotate(to: number, bits: number): number {
  const swapped = bits > 32;
  const lower = registers[swapped ? to + 1 : to]!;
  const upper = registers[swapped ? to : to + 1]!;
  // A shift takes the lower five bits of its count.
  registers[to] = (lower >>> bits) | (upper << -bits);
  registers[to + 1] = (upper >>> bits) | (lower << -bits);
  return to;
}

/** A word by exclusive or with its upper 17 bits. */
function shift(to: number): number {
  registers[to] = registers[to]! ^ (registers[to + 1]! >>> 15);
  return to;
}
