import { expect, test } from 'vitest';
import { createTextSource, hashRange } from '../../src/decode/byte-range.js';
import { DictionaryColumn } from '../../src/decode/columns/dictionary-column.js';
import { seededRandom, testSeed } from '../support/seeded-random.js';

const seed = testSeed(9);

/** Texts of eight ASCII characters with one `hashRange`: its rounds can be undone, so such texts are written down. */
function textsOfOneHash(count: number): string[] {
  const random = seededRandom(seed);
  const texts = new Set<string>();
  const bytes = Buffer.alloc(8);
  const [undoWord, undoHash] = [inverse(0xcc9e2d51), inverse(0x1b873593)];
  while (texts.size < count) {
    for (let at = 0; at < 4; at++) bytes[at] = 97 + Math.floor(random() * 26);
    const mixed = Math.imul(bytes.readInt32LE(0), 0xcc9e2d51);
    const half = Math.imul(8 ^ ((mixed << 15) | (mixed >>> 17)), 0x1b873593);
    const wanted = Math.imul(12_345, undoHash) ^ half;
    bytes.writeInt32LE(Math.imul((wanted >>> 15) | (wanted << 17), undoWord), 4);
    if (bytes.every((byte) => byte >= 0x20 && byte < 0x7f)) texts.add(bytes.toString('latin1'));
  }
  return [...texts];
}

/** Of an odd number modulo 2^32, by Newton's iteration. */
function inverse(odd: number): number {
  let found = odd;
  for (let round = 0; round < 5; round++) found = Math.imul(found, 2 - Math.imul(odd, found));
  return found;
}

/** Words of the texts that were read while the column took each of them `rounds` times. */
function wordsRead(column: DictionaryColumn, texts: readonly string[], rounds: number): number {
  let words = 0;
  const sources = texts.map((text) => {
    const { bytes, view } = createTextSource(text);
    const counting = {
      getInt32: (offset: number, littleEndian: boolean) => {
        words++;
        return view.getInt32(offset, littleEndian);
      },
    };
    return { bytes, view: counting as unknown as DataView };
  });
  for (let round = 0; round < rounds; round++) {
    for (const [index, source] of sources.entries()) {
      column.append(round * texts.length + index, source, 0, source.bytes.length);
    }
  }
  return words;
}

test('texts chosen to share their hash cost what any texts cost, and are told apart', () => {
  const count = 2_000;
  const texts = textsOfOneHash(count);
  expect(new Set(texts.map((text) => hashRange(createTextSource(text), 0, 8))).size).toBe(1);
  const column = new DictionaryColumn(2 * count);
  const plain = Array.from({ length: count }, (_, index) => String(10_000_000 + index));
  const usual = wordsRead(new DictionaryColumn(2 * count), plain, 2);
  // The first 256 are compared with each other before the flood is seen.
  expect(wordsRead(column, texts, 2) - usual).toBeLessThan(2 * 256 * 256 + 10 * count);
  expect(column.keyCount).toBe(count + 1);
  for (const [index, text] of texts.entries()) {
    expect(column.keyText(column.keyAt(index))).toBe(text);
    expect(column.keyAt(count + index)).toBe(column.keyAt(index));
  }
});

test('a flooded column takes back what a refused event added, and forgets the flood with its batch', () => {
  const texts = textsOfOneHash(1_000);
  const column = new DictionaryColumn(2_000);
  wordsRead(column, texts.slice(0, 100), 1);
  column.mark();
  wordsRead(column, texts.slice(100), 1);
  column.restore(100, 1_000);
  expect(column.keyCount).toBe(101);
  wordsRead(column, texts, 1);
  expect(texts.map((_, index) => column.keyText(column.keyAt(index)))).toEqual(texts);
  column.clear(1_000);
  wordsRead(column, ['plain', 'texts', 'plain'], 1);
  expect([column.keyAt(0), column.keyAt(1), column.keyAt(2), column.keyCount]).toEqual([1, 2, 1, 3]);
});
