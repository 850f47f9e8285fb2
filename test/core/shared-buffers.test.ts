import { expect, test } from 'vitest';
import { SharedBuffers } from '../../src/core/shared-buffers.js';

test('no more buffers are made than were allowed, whatever is taken and given', () => {
  const buffers = new SharedBuffers({ bytes: 8, countMax: 2 });
  const made = new Set([buffers.tryTake(), buffers.tryTake()]);
  expect([...made].map((buffer) => buffer?.byteLength)).toEqual([8, 8]);
  expect(buffers.tryTake()).toBeNull();
  buffers.give(new ArrayBuffer(8));
  expect(buffers.tryTake()).toBeNull();
  for (const buffer of made) buffers.give(buffer!);
  expect(new Set([buffers.tryTake(), buffers.tryTake()])).toEqual(made);
  expect(buffers.tryTake()).toBeNull();
});
