import { expect, test } from 'vitest';
import { copyBytes } from '../../src/core/copy-bytes.js';

test('every length goes to every place, in memory of one thread and in that of several, and nothing beside it', () => {
  const source = Uint8Array.from({ length: 300 }, (_, index) => 1 + (index % 250));
  for (const buffer of [new ArrayBuffer(400), new SharedArrayBuffer(400)]) {
    const target = new Uint8Array(buffer, 8, 380);
    for (const length of [0, 1, 7, 8, 9, 250, 300]) {
      for (let at = 0; at < 18; at++) {
        target.fill(0xff);
        const expected = Buffer.alloc(target.length, 0xff);
        expected.set(source.subarray(0, length), at);
        copyBytes(source.subarray(0, length), target, at);
        expect(expected.equals(target), `${length} bytes to ${at}`).toBe(true);
      }
    }
  }
});
