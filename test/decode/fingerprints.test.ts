import { expect, test } from 'vitest';
import { createTextSource } from '../../src/decode/byte-range.js';
import { FingerprintList } from '../../src/decode/fingerprints.js';
import { SideBuffer } from '../../src/decode/side-buffer.js';

const list = new FingerprintList();
const side = new SideBuffer();

function fingerprints(tenant: string, ids: readonly string[]): bigint[] {
  list.clear();
  list.beginTenant(createTextSource(tenant));
  ids.forEach((id, index) => {
    const source = createTextSource(`##${id}`);
    list.add(source, 2, source.bytes.length - 2, 3, index);
  });
  const copy = list.copy(side);
  return ids.map((_, index) => (BigInt(copy!.high[index]!) << 32n) | BigInt(copy!.low[index]!));
}

test('no two of 300,000 similar ids share a fingerprint, and every bit is set in half of them', () => {
  const ids = Array.from({ length: 300_000 }, (_, index) => `event-${index}`);
  const prints = fingerprints('default', ids);
  expect(new Set(prints).size).toBe(ids.length);
  const halves = new Uint32Array(BigUint64Array.from(prints).buffer);
  const sets = new Uint32Array(64);
  halves.forEach((half, at) => {
    for (let bit = 0; bit < 32; bit++) sets[32 * (at % 2) + bit]! += (half >>> bit) & 1;
  });
  // Five standard deviations of a fair coin.
  for (const [bit, set] of sets.entries()) {
    expect(Math.abs(set / ids.length - 0.5), `bit ${bit}`).toBeLessThan(0.0046);
  }
});

test('each half alone collides as rarely as chance has it', () => {
  const ids = Array.from({ length: 200_000 }, (_, index) => `${index.toString(16).padStart(8, '0')}-aaaa-bbbb`);
  const prints = fingerprints('default', ids);
  // n² / 2^33 = 4.7 expected.
  for (const shift of [0n, 32n]) {
    const half = new Set(prints.map((print) => (print >> shift) & 0xffff_ffffn));
    expect(ids.length - half.size).toBeLessThan(20);
  }
});

test('a fingerprint depends on the tenant, on every byte and on the length, and on nothing else', () => {
  const id = '0123456789abcdefg';
  const variants = [
    id,
    ...Array.from(id, (_, at) => `${id.slice(0, at)}!${id.slice(at + 1)}`),
    `${id}\0`,
    id.slice(1),
    'a',
    '',
  ];
  const prints = [...fingerprints('one', variants), ...fingerprints('two', variants)];
  expect(new Set(prints).size).toBe(2 * variants.length);
  expect(fingerprints('one', variants)).toEqual(prints.slice(0, variants.length));
  expect(new FingerprintList().copy(side)).toBeNull();
});

test('a mark takes back what came after it', () => {
  const source = createTextSource('abc');
  list.clear();
  list.add(source, 0, 3, 0, 0);
  list.mark();
  for (let event = 0; event < 3_000; event++) list.add(source, 0, 3, 1, event);
  list.restore();
  list.add(source, 0, 3, 2, 9);
  expect([...list.copy(side)!.frame]).toEqual([0, 2]);
});
