import { expect, test } from 'vitest';
import { ByteReader } from '../../src/clickhouse/queries/sql/row-bytes.js';

test('numbers of a row are read in their order, and one text after another from the same room', () => {
  const bytes = Buffer.alloc(27);
  bytes.writeUInt8(255, 0);
  bytes.writeUInt16LE(65_534, 1);
  bytes.writeUInt32LE(4_294_967_293, 3);
  bytes.writeBigUInt64LE(2n ** 53n - 1n, 7);
  bytes.writeFloatLE(0.5, 15);
  bytes.writeDoubleLE(Number.POSITIVE_INFINITY, 19);
  const reader = new ByteReader();
  for (let round = 0; round < 2; round++) {
    reader.decode(bytes.toString('base64'));
    expect([reader.uint8(), reader.uint16(), reader.uint32()]).toEqual([255, 65_534, 4_294_967_293]);
    expect([reader.uint64(), reader.float32(), reader.float64()]).toEqual([2 ** 53 - 1, 0.5, Number.POSITIVE_INFINITY]);
    expect(reader.left).toBe(0);
  }
});

test('a text longer than all before is read whole', () => {
  const bytes = Buffer.alloc(300_000, 7);
  const reader = new ByteReader().decode(bytes.toString('base64'));
  expect(reader.left).toBe(300_000);
});

test('what ends too soon is refused, also where an earlier text was longer', () => {
  const reader = new ByteReader();
  reader.decode(Buffer.alloc(100, 1).toString('base64'));
  reader.decode(Buffer.alloc(7, 1).toString('base64'));
  expect(() => reader.uint64()).toThrow('8 bytes are read where 7 are left');
});
