import { expect, test } from 'vitest';
import { SecretSpread } from '../../src/core/secret-spread.js';

const slots = 1_024;
const shift = Math.clz32(slots - 1);

/** Slots that these fingerprints have between them. */
function slotsOf(spread: SecretSpread, fingerprints: readonly (readonly [number, number])[]): number {
  return new Set(fingerprints.map(([low, high]) => spread.slot(low, high, shift))).size;
}

test('fingerprints chosen to share their low bits, or any one word, are spread over the slots', () => {
  const spreads = Array.from({ length: 100 }, () => new SecretSpread());
  const numbers = Array.from({ length: slots }, (_, index) => index);
  const chosen: readonly (readonly [number, number])[][] = [
    numbers.map((index) => [7, index]),
    numbers.map((index) => [index, 7]),
    numbers.map((index) => [index * slots, 7]),
    numbers.map((index) => [0, index * 2 ** 20]),
    // One slot for the table that took low ^ high * 0x9e3779b1.
    numbers.map((index) => [Math.imul(index, 0x9e3779b1), index]),
  ];
  for (const fingerprints of chosen) {
    // Each is unlucky in one of some thousand tables; chosen for a known table, all are in one slot.
    const crowded = spreads.filter((spread) => slotsOf(spread, fingerprints) < slots / 8);
    expect(crowded.length).toBeLessThan(10);
  }
});

test('a slot lies within its table, whatever the words', () => {
  const spread = new SecretSpread();
  for (const word of [0, 1, -1, 2 ** 31, -(2 ** 31), 2 ** 32 - 1]) {
    for (const other of [0, 1, -1, 2 ** 32 - 1]) {
      expect(spread.slot(word, other, shift)).toBeGreaterThanOrEqual(0);
      expect(spread.slot(word, other, shift)).toBeLessThan(slots);
    }
  }
});

test('two tables spread the same fingerprints differently', () => {
  const fingerprints = Array.from({ length: 64 }, (_, index): readonly [number, number] => [index, index * 31]);
  const places = () => {
    const spread = new SecretSpread();
    return fingerprints.map(([low, high]) => spread.slot(low, high, shift)).join();
  };
  expect(places()).not.toBe(places());
});
