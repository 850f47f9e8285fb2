import { integerBetween, pick } from '../../src/cli/seeded-random.js';
import type { Random } from '../../src/core/clock.js';

export interface MutatorOptions {
  readonly random: Random;
  readonly words: readonly string[];
  readonly bytesMax: number;
}

/** Makes an input from others: bytes changed, pieces moved, doubled and dropped, words and pieces of others put in. */
export class Mutator {
  readonly #random: Random;
  readonly #words: readonly Buffer[];
  readonly #bytesMax: number;

  constructor({ random, words, bytesMax }: MutatorOptions) {
    this.#random = random;
    this.#words = [...new Set(words)].map((word) => Buffer.from(word, 'latin1'));
    this.#bytesMax = bytesMax;
  }

  mutate(input: Uint8Array, other: Uint8Array): Uint8Array {
    let bytes: Buffer = Buffer.from(input);
    const changes = 1 << integerBetween(this.#random, { min: 0, max: 4 });
    for (let change = 0; change < changes; change++) {
      bytes = pick(this.#random, changesOf)({ bytes, other, random: this.#random, words: this.#words });
    }
    return Uint8Array.from(bytes.subarray(0, this.#bytesMax));
  }
}

interface Changed {
  readonly bytes: Buffer;
  readonly other: Uint8Array;
  readonly random: Random;
  readonly words: readonly Buffer[];
}

type Change = (changed: Changed) => Buffer;

const integer = (random: Random, max: number) => integerBetween(random, { min: 0, max: Math.max(0, max) });

/** A piece of at most `lengthMax` bytes, mostly short. */
function range(random: Random, length: number, lengthMax = 64): readonly [start: number, end: number] {
  const start = integer(random, length);
  const size = 1 + Math.floor(random() ** 3 * lengthMax);
  return [start, Math.min(length, start + size)];
}

function spliced(bytes: Buffer, [start, end]: readonly [number, number], put: Uint8Array): Buffer {
  return Buffer.concat([bytes.subarray(0, start), put, bytes.subarray(end)]);
}

const overwritten: Change = ({ bytes, random }) => {
  if (bytes.length > 0) bytes[integer(random, bytes.length - 1)] = integer(random, 255);
  return bytes;
};

const flipped: Change = ({ bytes, random }) => {
  if (bytes.length > 0) bytes[integer(random, bytes.length - 1)]! ^= 1 << integer(random, 7);
  return bytes;
};

/** Lengths and counts: one more, one less, as large as they go. */
const counted: Change = ({ bytes, random }) => {
  const width = pick(random, [1, 1, 2, 4] as const);
  if (bytes.length < width) return bytes;
  const at = integer(random, bytes.length - width);
  const before = bytes.readUIntBE(at, width);
  const most = 2 ** (8 * width) - 1;
  const value = pick(random, [0, 1, before + 1, before - 1, before * 2, most, (most + 1) / 2, 16, 31, 32, 0x7f]);
  bytes.writeUIntBE(Math.min(most, Math.max(0, value)), at, width);
  return bytes;
};

const dropped: Change = ({ bytes, random }) => spliced(bytes, range(random, bytes.length), new Uint8Array(0));

const doubled: Change = ({ bytes, random }) => {
  const [start, end] = range(random, bytes.length, 256);
  const piece = bytes.subarray(start, end);
  const times = random() < 0.9 ? 1 : integer(random, 40);
  return spliced(bytes, [end, end], Buffer.concat(Array.from({ length: times }, () => piece)));
};

const moved: Change = ({ bytes, random }) => {
  const [start, end] = range(random, bytes.length);
  const piece = Buffer.from(bytes.subarray(start, end));
  const rest = spliced(bytes, [start, end], new Uint8Array(0));
  const at = integer(random, rest.length);
  return spliced(rest, [at, at], piece);
};

const worded: Change = ({ bytes, random, words }) => {
  const word = words[integer(random, words.length - 1)] ?? Buffer.alloc(0);
  const at = integer(random, bytes.length);
  return spliced(bytes, [at, random() < 0.5 ? at : Math.min(bytes.length, at + word.length)], word);
};

const inserted: Change = ({ bytes, random }) => {
  const at = integer(random, bytes.length);
  return spliced(bytes, [at, at], Buffer.of(random() < 0.5 ? integer(random, 255) : 0x20 + integer(random, 0x5e)));
};

const joined: Change = ({ bytes, other, random }) => {
  const [start, end] = range(random, other.length, 512);
  return spliced(bytes, range(random, bytes.length), other.subarray(start, end));
};

const crossed: Change = ({ bytes, other, random }) =>
  Buffer.concat([bytes.subarray(0, integer(random, bytes.length)), other.subarray(integer(random, other.length))]);

/** A digit or a letter of a text becomes another of its kind. */
const respelled: Change = ({ bytes, random }) => {
  if (bytes.length === 0) return bytes;
  const at = integer(random, bytes.length - 1);
  const byte = bytes[at]!;
  if (byte >= 0x30 && byte <= 0x39) bytes[at] = 0x30 + integer(random, 9);
  else bytes[at] = byte ^ 0x20;
  return bytes;
};

const changesOf: readonly [Change, ...Change[]] = [
  overwritten,
  flipped,
  counted,
  counted,
  dropped,
  dropped,
  doubled,
  moved,
  worded,
  worded,
  worded,
  inserted,
  joined,
  joined,
  crossed,
  respelled,
];
