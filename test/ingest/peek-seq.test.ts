import { expect, test } from 'vitest';
import { packMessage } from '../../src/core/msgpack.js';
import { peekSeq } from '../../src/ingest/peek-seq.js';

test('seq is read from the first bytes of a MessagePack frame, however the number is packed', () => {
  for (const seq of [1, 127, 128, 255, 256, 65_535, 65_536, 4_294_967_295, 4_294_967_296, 2 ** 53 - 1]) {
    expect(peekSeq(packMessage({ seq, events: [{ type: 'log' }] }), 'msgpack'), String(seq)).toBe(seq);
  }
});

test('seq is read from the first bytes of a JSON frame', () => {
  expect(peekSeq(Buffer.from('{"seq":42,"events":[]}'), 'json')).toBe(42);
  expect(peekSeq(Buffer.from(' { "seq" : 9007199254740991 , "rows":[]}'), 'json')).toBe(2 ** 53 - 1);
});

test('anything else is "not seen here", never a wrong number', () => {
  expect(peekSeq(packMessage({ events: [], seq: 5 }), 'msgpack')).toBeNull();
  expect(peekSeq(packMessage({ seq: -5, events: ['padding'] }), 'msgpack')).toBeNull();
  expect(peekSeq(packMessage([{ seq: 5 }]), 'msgpack')).toBeNull();
  expect(peekSeq(new Uint8Array([0x82, 0xa3]), 'msgpack')).toBeNull();
  expect(peekSeq(Buffer.from('{"seq":1.5,"events":[]}'), 'json')).toBeNull();
  expect(peekSeq(Buffer.from('[{"seq":1}]'), 'json')).toBeNull();
});

test('a seq that is a map, a text or anything but a number is not seen here, whatever byte it begins with', () => {
  const numbers = new Set([0xcb, 0xcc, 0xcd, 0xce, 0xcf]);
  for (let marker = 0x80; marker <= 0xff; marker++) {
    const frame = Buffer.concat([
      Buffer.from([0x82, 0xa3]),
      Buffer.from('seq'),
      Buffer.from([marker]),
      Buffer.alloc(9),
    ]);
    expect(peekSeq(frame, 'msgpack') === null, marker.toString(16)).toBe(!numbers.has(marker));
  }
});
